// The cells of Yosys for the light runtime: `name_uu<Y>(a, b)` for unsigned, `_ss` (or `_su`, `_us`) for signed operands.
#pragma once

namespace cxxrtl_yosys {

using namespace cxxrtl;

constexpr size_t wider(size_t a, size_t b) { return a > b ? a : b; }

// Cut or extend to Y bits, with zeros or with the sign.
template <size_t Y, size_t A> LIGHT value<Y> zfit(const value<A> &a) {
  value<Y> y;
  if constexpr (words_of(Y) == 1 || words_of(A) == 1) y.data[0] = a.data[0];
  else
    for (size_t i = 0; i < y.count && i < a.count; i++) y.data[i] = a.data[i];
  if constexpr (Y < A) y.data[y.count - 1] &= y.top;
  return y;
}
template <size_t Y, size_t A> LIGHT value<Y> sfit(const value<A> &a) {
  value<Y> y = zfit<Y>(a);
  if constexpr (Y > A) {
    const word sign = -word(a.negative());
    y.data[a.count - 1] |= sign & ~a.top;
    if constexpr (words_of(Y) > words_of(A))
      for (size_t i = a.count; i < y.count; i++) y.data[i] = sign;
    y.data[y.count - 1] &= y.top;
  }
  return y;
}
template <bool Signed, size_t Y, size_t A> LIGHT value<Y> fit(const value<A> &a) {
  if constexpr (Signed) return sfit<Y>(a);
  else return zfit<Y>(a);
}

template <size_t Y> LIGHT value<Y> level(bool a) { return value<Y>(uint32_t(a)); }

template <size_t N> LIGHT value<N> inverse(value<N> a) {
  if constexpr (words_of(N) == 1) a.data[0] = ~a.data[0];
  else
    for (size_t i = 0; i < a.count; i++) a.data[i] = ~a.data[i];
  a.data[a.count - 1] &= a.top;
  return a;
}
template <size_t N> LIGHT value<N> sum(const value<N> &a, const value<N> &b, word carry) {
  value<N> y;
  if constexpr (words_of(N) == 1) {
    y.data[0] = (a.data[0] + b.data[0] + carry) & y.top;
    return y;
  }
  for (size_t i = 0; i < y.count; i++) {
    const unsigned __int128 all = (unsigned __int128)a.data[i] + b.data[i] + carry;
    y.data[i] = word(all);
    carry = word(all >> 64);
  }
  y.data[y.count - 1] &= y.top;
  return y;
}
template <size_t N> LIGHT value<N> negated(const value<N> &a) { return sum(value<N>(), inverse(a), 1); }
template <size_t N> LIGHT value<N> product(const value<N> &a, const value<N> &b) {
  value<N> y;
  if constexpr (words_of(N) == 1) {
    y.data[0] = a.data[0] * b.data[0] & y.top;
    return y;
  }
  for (size_t i = 0; i < y.count; i++) {
    word carry = 0;
    for (size_t j = 0; i + j < y.count; j++) {
      const unsigned __int128 all = (unsigned __int128)a.data[i] * b.data[j] + y.data[i + j] + carry;
      y.data[i + j] = word(all);
      carry = word(all >> 64);
    }
  }
  y.data[y.count - 1] &= y.top;
  return y;
}
template <size_t N> LIGHT bool below(const value<N> &a, const value<N> &b) {
  if constexpr (words_of(N) > 1)
    for (size_t i = a.count; i-- > 1;)
      if (a.data[i] != b.data[i]) return a.data[i] < b.data[i];
  return a.data[0] < b.data[0];
}
template <size_t N> LIGHT bool below_signed(const value<N> &a, const value<N> &b) {
  return a.negative() != b.negative() ? a.negative() : below(a, b);
}

// A shift by N or more is a shift by N: everything is gone.
template <size_t N, size_t B> LIGHT size_t amount(const value<B> &b) {
  if constexpr (words_of(B) > 1)
    for (size_t i = 1; i < b.count; i++)
      if (b.data[i]) return N;
  return b.data[0] < N ? size_t(b.data[0]) : N;
}
template <size_t N> LIGHT value<N> left(const value<N> &a, size_t by) {
  value<N> y;
  if constexpr (N <= 64) {
    y.data[0] = by >= N ? 0 : a.data[0] << by & y.top;
  } else {
    const size_t far = by / 64, near = by % 64;
    for (size_t i = far; i < y.count; i++) {
      y.data[i] = a.data[i - far] << near;
      if (near && i > far) y.data[i] |= a.data[i - far - 1] >> (64 - near);
    }
    y.data[y.count - 1] &= y.top;
  }
  return y;
}
template <size_t N> LIGHT value<N> right(const value<N> &a, size_t by) {
  value<N> y;
  if constexpr (N <= 64) {
    y.data[0] = by >= N ? 0 : a.data[0] >> by;
  } else {
    const size_t far = by / 64, near = by % 64;
    for (size_t i = 0; i + far < y.count; i++) {
      y.data[i] = a.data[i + far] >> near;
      if (near && i + far + 1 < y.count) y.data[i] |= a.data[i + far + 1] << (64 - near);
    }
  }
  return y;
}
template <size_t N> LIGHT value<N> right_signed(const value<N> &a, size_t by) {
  // Shifting the inverse of a negative number brings in ones.
  return a.negative() ? inverse(right(inverse(a), by)) : right(a, by);
}
template <size_t N> LIGHT word parity(const value<N> &a) {
  if constexpr (words_of(N) == 1) return __builtin_parityll(a.data[0]);
  word all = 0;
  for (size_t i = 0; i < a.count; i++) all ^= a.data[i];
  return __builtin_parityll(all);
}

#define UNARY(name, expression) \
  template <size_t Y, size_t A> LIGHT value<Y> name(const value<A> &a) { return expression; }
#define BINARY(name, expression) \
  template <size_t Y, size_t A, size_t B> LIGHT value<Y> name(const value<A> &a, const value<B> &b) { return expression; }

UNARY(logic_not, level<Y>(!bool(a)))
BINARY(logic_and, level<Y>(bool(a) & bool(b)))
BINARY(logic_or, level<Y>(bool(a) | bool(b)))
UNARY(reduce_and, level<Y>(!bool(inverse(a))))
UNARY(reduce_or, level<Y>(bool(a)))
UNARY(reduce_bool, level<Y>(bool(a)))
UNARY(reduce_xor, level<Y>(parity(a)))
UNARY(reduce_xnor, level<Y>(!parity(a)))

UNARY(not_u, inverse(zfit<Y>(a)))
UNARY(not_s, inverse(sfit<Y>(a)))
UNARY(pos_u, zfit<Y>(a))
UNARY(pos_s, sfit<Y>(a))
UNARY(neg_u, negated(zfit<Y>(a)))
UNARY(neg_s, negated(sfit<Y>(a)))

#define BITWISE(name, operation) \
  template <bool Signed, size_t Y, size_t A, size_t B> LIGHT value<Y> name(const value<A> &a, const value<B> &b) { \
    value<Y> y = fit<Signed, Y>(a); \
    const value<Y> other = fit<Signed, Y>(b); \
    if constexpr (words_of(Y) == 1) y.data[0] operation other.data[0]; \
    else for (size_t i = 0; i < y.count; i++) y.data[i] operation other.data[i]; \
    return y; \
  }
BITWISE(bits_and, &=)
BITWISE(bits_or, |=)
BITWISE(bits_xor, ^=)
#define BOTH(name, unsigned_expression, signed_expression) \
  BINARY(name##_uu, unsigned_expression) \
  BINARY(name##_ss, signed_expression)
BOTH(and, (bits_and<false, Y>(a, b)), (bits_and<true, Y>(a, b)))
BOTH(or, (bits_or<false, Y>(a, b)), (bits_or<true, Y>(a, b)))
BOTH(xor, (bits_xor<false, Y>(a, b)), (bits_xor<true, Y>(a, b)))
BOTH(xnor, inverse(bits_xor<false, Y>(a, b)), inverse(bits_xor<true, Y>(a, b)))

BOTH(add, sum(zfit<Y>(a), zfit<Y>(b), 0), sum(sfit<Y>(a), sfit<Y>(b), 0))
BOTH(sub, sum(zfit<Y>(a), inverse(zfit<Y>(b)), 1), sum(sfit<Y>(a), inverse(sfit<Y>(b)), 1))
BOTH(mul, product(zfit<Y>(a), zfit<Y>(b)), product(sfit<Y>(a), sfit<Y>(b)))

#define COMPARE(name, test, signed_test) \
  template <size_t Y, size_t A, size_t B> LIGHT value<Y> name##_uu(const value<A> &first, const value<B> &second) { \
    const value<wider(A, B)> a = zfit<wider(A, B)>(first), b = zfit<wider(A, B)>(second); \
    return level<Y>(test); \
  } \
  template <size_t Y, size_t A, size_t B> LIGHT value<Y> name##_ss(const value<A> &first, const value<B> &second) { \
    const value<wider(A, B)> a = sfit<wider(A, B)>(first), b = sfit<wider(A, B)>(second); \
    return level<Y>(signed_test); \
  }
COMPARE(eq, a == b, a == b)
COMPARE(ne, a != b, a != b)
COMPARE(eqx, a == b, a == b)
COMPARE(nex, a != b, a != b)
COMPARE(lt, below(a, b), below_signed(a, b))
COMPARE(gt, below(b, a), below_signed(b, a))
COMPARE(le, !below(b, a), !below_signed(b, a))
COMPARE(ge, !below(a, b), !below_signed(a, b))

BINARY(shl_uu, left(zfit<Y>(a), amount<Y>(b)))
BINARY(shl_su, left(sfit<Y>(a), amount<Y>(b)))
BINARY(sshl_uu, left(zfit<Y>(a), amount<Y>(b)))
BINARY(sshl_su, left(sfit<Y>(a), amount<Y>(b)))
BINARY(shr_uu, zfit<Y>(right(a, amount<A>(b))))
BINARY(shr_su, right(sfit<Y>(a), amount<Y>(b)))
BINARY(sshr_uu, zfit<Y>(right(a, amount<A>(b))))
BINARY(sshr_su, sfit<Y>(right_signed(a, amount<A>(b))))
BINARY(shift_uu, shr_uu<Y>(a, b))
BINARY(shift_su, shr_su<Y>(a, b))
BINARY(shift_us, b.negative() ? shl_uu<Y>(a, negated(sfit<B + 1>(b))) : shr_uu<Y>(a, b))
BINARY(shift_ss, b.negative() ? shl_su<Y>(a, negated(sfit<B + 1>(b))) : shr_su<Y>(a, b))
BINARY(shiftx_uu, shift_uu<Y>(a, b))
BINARY(shiftx_su, shift_su<Y>(a, b))
BINARY(shiftx_us, shift_us<Y>(a, b))
BINARY(shiftx_ss, shift_ss<Y>(a, b))

}  // namespace cxxrtl_yosys
