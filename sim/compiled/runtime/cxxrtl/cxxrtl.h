// A light runtime for what Yosys `write_cxxrtl -g0` writes: the same names and meanings as the header that Yosys brings,
// on 64-bit words, for designs of wires and flip-flops. Its functions are short straight lines for values of up to 64
// bits, so that a compiler needs a tenth of the time and the result runs several times faster. Memories, division,
// printing and checks are not here: `translate.py` takes Yosys's own header for a design that has them.
#pragma once

#include <cstddef>
#include <cstdint>

#define CXXRTL_LIGHT 1
#define LIGHT inline __attribute__((__always_inline__))

namespace cxxrtl {

using word = uint64_t;

constexpr size_t words_of(size_t bits) { return bits == 0 ? 1 : (bits + 63) / 64; }
constexpr word low_ones(size_t bits) { return bits >= 64 ? ~word(0) : (word(1) << bits) - 1; }

template <size_t Bits> struct value;
template <size_t Bits, size_t High, size_t Low> struct part;
template <class Upper, class Lower> struct joined;

// Copy `Bits` bits from bit `From` of a to bit 0 of y, y zero above; and OR value a into y at bit `At`.
template <size_t From, size_t Bits> LIGHT void take(const word *a, word *y) {
  constexpr size_t first = From / 64, shift = From % 64;
  if constexpr (words_of(Bits) == 1) {
    word bits = a[first] >> shift;
    if constexpr (shift + Bits > 64) bits |= a[first + 1] << (64 - shift);
    y[0] = bits & low_ones(Bits);
    return;
  }
  for (size_t i = 0; i < words_of(Bits); i++) {
    word bits = a[first + i] >> shift;
    // The word above is read only where the bits reach into it.
    if (shift != 0 && 64 * (i + 1) - shift < Bits) bits |= a[first + i + 1] << (64 - shift) % 64;
    y[i] = bits;
  }
  y[words_of(Bits) - 1] &= low_ones(Bits - 64 * (words_of(Bits) - 1));
}

template <size_t At, size_t Bits> LIGHT void put(const word *a, word *y) {
  constexpr size_t first = At / 64, shift = At % 64;
  if constexpr (words_of(Bits) == 1) {
    y[first] |= a[0] << shift;
    if constexpr (shift + Bits > 64) y[first + 1] |= a[0] >> (64 - shift);
    return;
  }
  for (size_t i = 0; i < words_of(Bits); i++) {
    y[first + i] |= a[i] << shift;
    if (shift != 0 && 64 * (i + 1) - shift < Bits) y[first + i + 1] |= a[i] >> (64 - shift) % 64;
  }
}

template <size_t Bits> struct value {
  static constexpr size_t bits = Bits;
  static constexpr size_t count = words_of(Bits);
  static constexpr word top = low_ones(Bits - 64 * (count - 1));
  word data[count] = {};

  LIGHT value() = default;
  LIGHT value(const value &) = default;
  LIGHT value &operator=(const value &) = default;

  // Constants come in pieces of 32 bits, least significant first.
  LIGHT explicit value(uint32_t low) { data[0] = low; }
  LIGHT explicit value(uint32_t low, uint32_t next) { data[0] = low | word(next) << 32; }
  template <class... Pieces> explicit value(uint32_t low, uint32_t next, Pieces... pieces) {
    const uint32_t all[] = {low, next, pieces...};
    for (size_t i = 0; i < sizeof(all) / 4; i++) data[i / 2] |= word(all[i]) << (32 * (i % 2));
  }

  LIGHT explicit operator bool() const {
    if constexpr (count == 1) return data[0] != 0;
    word any = 0;
    for (size_t i = 0; i < count; i++) any |= data[i];
    return any != 0;
  }
  LIGHT bool operator==(const value &other) const {
    if constexpr (count == 1) return data[0] == other.data[0];
    word differ = 0;
    for (size_t i = 0; i < count; i++) differ |= data[i] ^ other.data[i];
    return differ == 0;
  }
  LIGHT bool operator!=(const value &other) const { return !(*this == other); }

  LIGHT const value &val() const { return *this; }
  LIGHT bool bit(size_t index) const { return data[index / 64] >> (index % 64) & 1; }
  LIGHT bool negative() const { return bit(Bits - 1); }

  template <size_t High, size_t Low> LIGHT part<Bits, High, Low> slice() { return {*this}; }
  template <size_t High, size_t Low> LIGHT value<High - Low + 1> slice() const { return sliced<High, Low>(); }
  template <size_t Index> LIGHT part<Bits, Index, Index> slice() { return {*this}; }
  template <size_t Index> LIGHT value<1> slice() const { return sliced<Index, Index>(); }
  template <size_t High, size_t Low> LIGHT value<High - Low + 1> sliced() const {
    value<High - Low + 1> y;
    take<Low, High - Low + 1>(data, y.data);
    return y;
  }

  template <size_t Times> LIGHT value<Bits * Times> repeat() const {
    value<Bits * Times> y;
    if constexpr (Bits == 1 && y.count == 1) {
      y.data[0] = -data[0] & y.top;
    } else if constexpr (Bits == 1) {
      for (size_t i = 0; i < y.count; i++) y.data[i] = -data[0];
      y.data[y.count - 1] &= y.top;
    } else {
      for (size_t i = 0; i < Times; i++)
        for (size_t j = 0; j < Bits; j++) y.data[(i * Bits + j) / 64] |= word(bit(j)) << ((i * Bits + j) % 64);
    }
    return y;
  }

  // A name is joined by reference, since it may be assigned to; what was just computed, by value.
  template <class Lower> LIGHT joined<value &, Lower> concat(Lower &&lower) & { return {*this, (Lower &&)lower}; }
  template <class Lower> LIGHT joined<const value &, Lower> concat(Lower &&lower) const & {
    return {*this, (Lower &&)lower};
  }
  template <class Lower> LIGHT joined<value, Lower> concat(Lower &&lower) && { return {*this, (Lower &&)lower}; }

  template <size_t At, size_t Total> LIGHT void put_into(value<Total> &y) const { put<At, Bits>(data, y.data); }
  template <size_t From, size_t Total> LIGHT void take_from(const value<Total> &a) { take<From, Bits>(a.data, data); }
};

// Bits High..Low of a value, to read or to assign.
template <size_t Bits, size_t High, size_t Low> struct part {
  static constexpr size_t bits = High - Low + 1;
  value<Bits> &whole;

  LIGHT value<bits> val() const { return whole.template sliced<High, Low>(); }
  LIGHT operator value<bits>() const { return val(); }
  LIGHT explicit operator bool() const { return bool(val()); }
  LIGHT void operator=(const value<bits> &a) {
    constexpr size_t first = Low / 64, last = High / 64;
    if constexpr (first == last) {
      constexpr word mask = low_ones(bits) << Low % 64;
      whole.data[first] = (whole.data[first] & ~mask) | a.data[0] << Low % 64;
      return;
    }
    for (size_t i = first; i <= last; i++) {
      word keep = 0;
      if (i == first) keep |= low_ones(Low % 64);
      if (i == last) keep |= ~low_ones(High % 64 + 1);
      whole.data[i] &= keep;
    }
    put<Low, bits>(a.data, whole.data);
  }
  template <size_t H, size_t L> LIGHT value<H - L + 1> slice() const { return val().template sliced<H, L>(); }
  template <size_t Index> LIGHT value<1> slice() const { return val().template sliced<Index, Index>(); }
  template <size_t Times> LIGHT value<bits * Times> repeat() const { return val().template repeat<Times>(); }
  template <class Lower> LIGHT joined<part, Lower> concat(Lower &&lower) const { return {*this, (Lower &&)lower}; }
  template <size_t At, size_t Total> LIGHT void put_into(value<Total> &y) const { val().template put_into<At>(y); }
  template <size_t From, size_t Total> LIGHT void take_from(const value<Total> &a) {
    value<bits> piece;
    piece.template take_from<From>(a);
    *this = piece;
  }
};

template <class T> struct plain { using type = T; };
template <class T> struct plain<T &> { using type = T; };
template <class T> struct plain<const T &> { using type = T; };

// Two neighbours, to read or to assign.
template <class Upper, class Lower> struct joined {
  static constexpr size_t lower_bits = plain<Lower>::type::bits;
  static constexpr size_t bits = plain<Upper>::type::bits + lower_bits;
  Upper upper;
  Lower lower;

  LIGHT value<bits> val() const {
    value<bits> y;
    put_into<0>(y);
    return y;
  }
  LIGHT operator value<bits>() const { return val(); }
  LIGHT void operator=(const value<bits> &a) { take_from<0>(a); }
  template <size_t H, size_t L> LIGHT value<H - L + 1> slice() const { return val().template sliced<H, L>(); }
  template <size_t Index> LIGHT value<1> slice() const { return val().template sliced<Index, Index>(); }
  template <size_t Times> LIGHT value<bits * Times> repeat() const { return val().template repeat<Times>(); }
  template <class Next> LIGHT joined<joined, Next> concat(Next &&next) const { return {*this, (Next &&)next}; }
  template <size_t At, size_t Total> LIGHT void put_into(value<Total> &y) const {
    lower.template put_into<At>(y);
    upper.template put_into<At + lower_bits>(y);
  }
  template <size_t From, size_t Total> LIGHT void take_from(const value<Total> &a) {
    lower.template take_from<From>(a);
    upper.template take_from<From + lower_bits>(a);
  }
};

struct observer {};
struct performer;
struct interior {};

// A buffered value: `eval` writes next, `commit` makes it current.
template <size_t Bits> struct wire {
  value<Bits> curr, next;
  wire() = default;
  template <class... Pieces> explicit wire(uint32_t low, Pieces... pieces) : curr(low, pieces...), next(curr) {}
  LIGHT bool commit() {
    const bool changed = curr != next;
    curr = next;
    return changed;
  }
  LIGHT bool commit(observer &) { return commit(); }
};

struct module {
  virtual ~module() {}
  virtual void reset() = 0;
  virtual bool eval(performer *performer = nullptr) = 0;
  virtual bool commit() = 0;
};

}  // namespace cxxrtl

#include "cells.h"
