// Plays one run of traffic on a design that Yosys `write_cxxrtl` turned into C++. It is compiled together with the
// design (design.cc) into one library that `simulation.py` calls in batches, and counts what `sim/bench.py` counts.
#include "design.cc"

#include <cstdint>
#include <cstring>
#include <vector>

namespace {

using Design = cxxrtl_design::p_bitmill__top;

// Ports are values, or wires where the design buffers them; a one-bit level and a payload are read and written alike.
template <size_t Bits> const cxxrtl::value<Bits> &now(const cxxrtl::value<Bits> &port) { return port; }
template <size_t Bits> const cxxrtl::value<Bits> &now(const cxxrtl::wire<Bits> &port) { return port.curr; }
template <size_t Bits> constexpr size_t width(const cxxrtl::value<Bits> &) { return Bits; }

// Ports beside the streams: written for each design by `library.py`.
#include "beside.inc"

// As laid out in `library.py`, field by field.
struct Run {
  // What to play: rows of payloads, least significant byte first; decisions, one byte each, null for always go.
  const uint8_t *inputs;
  uint8_t *received;
  const uint8_t *input_go;
  const uint8_t *output_go;
  int64_t input_count;
  int64_t expected_count;
  int64_t wanted_beats;  // stop after so many, for a reset; -1 to run to the end
  int64_t patience;
  // Decisions used up, from the start of the two arrays in each call.
  int64_t input_used;
  int64_t output_used;
  // What was counted.
  int64_t cycles;
  int64_t beats;
  int64_t input_stalls;
  int64_t input_gaps;
  int64_t transactions;
  int64_t output_stalls;
  int64_t output_gaps;
  // Where the traffic stands.
  int64_t offered;
  int64_t transfers;
  int64_t last_transfer;
  int64_t started;
  int64_t received_count;
};

// As named in `library.py`, in this order.
enum Status { kMore, kDone, kValidFell, kPayloadChanged, kTooMany, kHung, kInputsLeft, kUnsettled };

constexpr size_t kMaxDeltas = 10000;

class Bench {
 public:
  Design design;
  std::vector<uint8_t> held, latest;  // payload of a stalled offer of the design; payload of the last sample
  bool holding = false;
  bool settled = true;
  bool valid = false, ready = false;  // what the bench drives
  std::vector<uint8_t> offer;

  Bench() : held(output_bytes()), latest(output_bytes()), offer(input_bytes()) { settle(); }

  size_t input_bits() const { return width(now(design.p_i__payload)); }
  size_t output_bits() const { return width(now(design.p_o__payload)); }
  size_t input_bytes() const { return (input_bits() + 7) / 8; }
  size_t output_bytes() const { return (output_bits() + 7) / 8; }

  void settle() {
    // Like `module::step`, but a combinational loop that swings for ever is an error and not a hang.
    bool converged;
    size_t deltas = 0;
    do {
      converged = design.eval();
      if (++deltas > kMaxDeltas) {
        settled = false;
        return;
      }
    } while (design.commit() && !converged);
  }

  // Everything is settled, so one evaluation gives every register its next value; what follows from the new values is
  // settled in `fall`, together with the new inputs.
  void rise() {
    design.p_clk.data[0] = 1;
    design.eval();
    design.commit();
  }

  void fall() {
    design.p_clk.data[0] = 0;
    settle();
  }

  void drive_levels() {
    design.p_i__valid.data[0] = valid;
    design.p_o__ready.data[0] = ready;
  }

  void drive_payload() {
    auto &port = design.p_i__payload;
    for (auto &chunk : port.data) chunk = 0;
    // Chunks are little-endian in memory like the rows themselves, on every machine that this is built for.
    std::memcpy(port.data, offer.data(), input_bytes());
  }

  void read_payload(std::vector<uint8_t> &into) const {
    const auto &port = now(design.p_o__payload);
    std::memcpy(into.data(), port.data, into.size());
  }

  void offer_next(Run &run, bool was_valid) {
    const bool left = run.offered < run.input_count;
    if (left && (run.input_go == nullptr || run.input_go[run.input_used++])) {
      std::memcpy(offer.data(), run.inputs + run.offered * input_bytes(), input_bytes());
      run.offered++;
      drive_payload();
      valid = true;
    } else if (was_valid) {
      // The complement of the last payload: a design that looks at a payload without valid goes wrong at once.
      for (auto &byte : offer) byte = static_cast<uint8_t>(~byte);
      if (input_bits() % 8) offer.back() &= static_cast<uint8_t>((1u << input_bits() % 8) - 1);
      drive_payload();
      valid = false;
    }
  }

  bool next_ready(Run &run) { return run.output_go == nullptr || run.output_go[run.output_used++]; }

  void start(Run &run) {
    offer_next(run, false);
    ready = next_ready(run);
    drive_levels();
    fall();
    run.started = 1;
  }

  // One rising edge: sample what it transfers, let the design react, and set what the next edge shall see.
  Status edge(Run &run) {
    const bool taken = now(design.p_i__ready).data[0], given = now(design.p_o__valid).data[0];
    const bool was_valid = valid, was_ready = ready;
    if (was_valid) taken ? run.beats++ : run.input_stalls++;
    if (!was_valid && run.offered < run.input_count) run.input_gaps++;
    if (given) read_payload(latest);
    if (holding && !given) return kValidFell;
    if (holding && latest != held) return kPayloadChanged;
    holding = given && !was_ready;
    if (holding) held = latest;
    if (given) was_ready ? run.transactions++ : run.output_stalls++;
    rise();
    if (!(was_valid && !taken)) offer_next(run, was_valid);
    if (was_ready && given) {
      // One more than expected is kept, for the message; the run ends with it.
      std::memcpy(run.received + run.received_count++ * output_bytes(), latest.data(), output_bytes());
    } else if (was_ready) {
      run.output_gaps++;
    }
    ready = next_ready(run);
    drive_levels();
    fall();
    if (!settled) return kUnsettled;
    if (run.received_count > run.expected_count) return kTooMany;
    return kMore;
  }

  bool traffic_over(const Run &run) const {
    return run.wanted_beats < 0 ? run.received_count >= run.expected_count : run.beats >= run.wanted_beats;
  }

  Status play(Run &run, int64_t cycles) {
    if (!run.started) start(run);
    for (; cycles > 0; cycles--) {
      if (traffic_over(run)) return kDone;
      run.cycles++;
      const Status status = edge(run);
      if (status != kMore) return status;
      const int64_t transfers = run.beats + run.received_count;
      if (transfers != run.transfers) {
        run.transfers = transfers;
        run.last_transfer = run.cycles;
      } else if (run.cycles - run.last_transfer > run.patience) {
        return kHung;
      }
    }
    return kMore;
  }

  // After the last expected output: no other may come, and all inputs must have been taken.
  Status drain(Run &run, int64_t cycles) {
    for (; cycles > 0; cycles--) {
      const Status status = edge(run);
      if (status != kMore) return status;
    }
    return run.beats == run.input_count ? kDone : kInputsLeft;
  }

  void idle() {
    settle();  // inputs beside the streams may have been set
    rise();
    fall();
  }

  // One cycle of reset, which must be enough; traffic may start in the next one.
  void reset() {
    valid = ready = holding = false;
    drive_levels();
    design.p_rst.data[0] = 1;
    settle();
    rise();
    design.p_rst.data[0] = 0;
    fall();
  }
};

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT void *bitmill_create() { return new Bench; }
EXPORT void bitmill_destroy(void *bench) { delete static_cast<Bench *>(bench); }
EXPORT void bitmill_idle(void *bench) { static_cast<Bench *>(bench)->idle(); }
EXPORT void bitmill_reset(void *bench) { static_cast<Bench *>(bench)->reset(); }
EXPORT int32_t bitmill_play(void *bench, Run *run, int64_t cycles) {
  return static_cast<Bench *>(bench)->play(*run, cycles);
}
EXPORT int32_t bitmill_drain(void *bench, Run *run, int64_t cycles) {
  return static_cast<Bench *>(bench)->drain(*run, cycles);
}
// A port beside the streams, by its place; what is set is seen by the next edge.
EXPORT void bitmill_set(void *bench, int64_t place, const uint8_t *bytes) {
  set_port(static_cast<Bench *>(bench)->design, place, bytes);
}
EXPORT void bitmill_get(void *bench, int64_t place, uint8_t *bytes) {
  get_port(static_cast<Bench *>(bench)->design, place, bytes);
}
// Payload of an offer that the design changed, before and after; of an output too many, the latter.
EXPORT const uint8_t *bitmill_held(void *bench) { return static_cast<Bench *>(bench)->held.data(); }
EXPORT const uint8_t *bitmill_latest(void *bench) { return static_cast<Bench *>(bench)->latest.data(); }
