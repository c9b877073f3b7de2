// A simulated attack, on the worker's side: honest values -> what the colluders send.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/range.hpp"
#include "detox/random.hpp"
#include "detox/rows.hpp"
#include "detox/thread_pool.hpp"

namespace detox {

struct AttackOptions {
  double adversarial = -100.0;   ///< c, where the attack has one
  std::optional<double> alie_z;  ///< empty: auto
  double alie_sign = -1.0;
  std::size_t alie_ddof = 1;  ///< 0 or 1: the deviation divides by the rows less this
};

/// The defence, as attackers who know how it is configured can try it out.
struct KnownDefence {
  std::size_t d = 0;  ///< coordinates that it reduces: the gradient, without what follows it
  /// Rows of all slices (k, d) -> out (d). False where the defence refuses them.
  std::function<bool(const Rows<float>& rows, std::span<float> out)> aggregate;
};

/// A slice of a step: which samples.
struct StepSlice {
  std::uint64_t step;
  std::size_t slice;
  bool operator==(const StepSlice&) const = default;
};

/// What the colluders of one slice know in one step. Values are the d coordinates of the gradient,
/// followed by the batch-norm statistics where these are attacked too.
struct AttackInput {
  std::uint64_t step = 0;
  std::size_t slice = 0;
  std::size_t slices = 1;    ///< k
  std::uint32_t worker = 0;  ///< whose copy it is, from 0; 0 where they collude
  /// The honest values of this slice; where the attack flips_labels, those for other labels; those
  /// of its other_batch, where it has one.
  std::span<const float> own;
  Rows<float> honest;    ///< of all slices, each once; empty unless the attack needs_all_slices
  std::size_t rows = 0;  ///< n, rows that reach the rule
  std::size_t corrupted = 0;             ///< m, rows among them that the colluders own in this step
  Key key{};                             ///< random draws come from (key, step, slice)
  std::span<const std::uint32_t> owned;  ///< slices that the colluders own in this step, ascending
  const KnownDefence* defence = nullptr;  ///< null unless the attack probes_defence
};

/// Immutable; colluders in one slice get identical values because the result depends on the input
/// alone, and its worker is the same for all of them.
class Attack {
 public:
  virtual ~Attack() = default;
  virtual bool needs_all_slices() const { return false; }
  virtual bool same_in_every_slice() const { return false; }  ///< out does not depend on the slice
  virtual bool needs_own() const { return !needs_all_slices(); }  ///< out depends on own
  virtual bool flips_labels() const { return false; }  ///< own is for label K - 1 - y of K classes
  virtual bool probes_defence() const { return false; }
  virtual bool is_honest() const { return false; }  ///< there is nothing to corrupt
  virtual bool colludes() const { return true; }    ///< else each worker is on its own
  // What these are given holds step, slice, slices, worker and key alone.
  /// False where the worker sends the honest answer this time.
  virtual bool strikes(const AttackInput& /*input*/) const { return true; }
  /// Whose samples `own` is computed for; empty: those of the slice itself.
  virtual std::optional<StepSlice> other_batch(const AttackInput& /*input*/) const { return {}; }
  virtual double delay_s() const { return 0; }  ///< how late they answer; infinite: never
  /// out has the size of input.own and may not overlap it.
  virtual void corrupt(const AttackInput& input, std::span<float> out, ThreadPool& pool) const = 0;
};

/// What an attack makes of its number c, --adversarial.
struct AttackParameter {
  std::string_view meaning;  ///< as in "c: factor"
  double standard;           ///< c unless the user says otherwise
  std::string_view unit = {};
  Range range = {};       ///< on top of being a float32
  bool is_slice = false;  ///< below the number of slices, too
};

/// What makes an attack: a function of the options, or one of `data`, which outlives what it makes.
class AttackMaker {
 public:
  using OfOptions = std::unique_ptr<Attack> (*)(const AttackOptions&);
  using OfData = std::unique_ptr<Attack> (*)(const void*);

  constexpr AttackMaker() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): a line of the registry names the function alone
  constexpr AttackMaker(OfOptions function) : of_options_(function) {}
  constexpr AttackMaker(OfData function, const void* data) : of_data_(function), data_(data) {}

  std::unique_ptr<Attack> operator()(const AttackOptions& options) const {
    return of_data_ != nullptr ? of_data_(data_) : of_options_(options);
  }

 private:
  OfOptions of_options_ = nullptr;
  OfData of_data_ = nullptr;
  const void* data_ = nullptr;
};

/// One line of the registry (src/stages/attack/attacks.def).
struct AttackInfo {
  AttackMaker make = {};
  std::string_view name = {};
  std::string_view summary = {};
  std::string_view paper = {};
  std::optional<AttackParameter> parameter = {};  ///< empty: it reads none
  /// Options that it reads beside c, under the names of `train`.
  std::array<std::string_view, 4> reads = {};
  /// What users should know of a run with these options, a line each: `rows` reach the rule, and
  /// the attackers own at most so many slices. Null: nothing.
  std::vector<std::string> (*notices)(const AttackOptions& options, std::size_t rows,
                                      std::size_t most_owned) = nullptr;
  bool stays = false;  ///< what is broken stays so: its workers are the same in every step
  bool is_lis_simulation = false;  ///< the one that --lis-simulation simulate is another name of
  /// Of a user's own: where it is, and its digest (src/config/own_attack.hpp).
  std::string_view file = {};
};

/// Whether the attack reads the option of this name.
bool reads_option(const AttackInfo& attack, std::string_view option);

/// Which c the attack takes among so many slices, as in "a slice, 0 to 4".
std::string parameter_values(const AttackParameter& parameter, std::size_t slices);
/// Whether c is one of them.
bool takes_parameter(const AttackParameter& parameter, double c, std::size_t slices);

/// All attacks, sorted by name.
std::span<const AttackInfo> attacks();
const AttackInfo& find_attack(std::string_view name);
/// The one that is_lis_simulation.
const AttackInfo& lis_simulation_attack();

}  // namespace detox
