// Attacks on availability: what is sent is honest, but it comes late (straggler, c seconds after it
// is done) or not at all (crash): the faults that backup workers were made for (Chen, Pan, Monga,
// Bengio, Jozefowicz: "Revisiting distributed synchronous SGD", 2016). Here is how late an answer
// comes; whoever conducts the workers sees to it.
#include <algorithm>
#include <limits>

#include "stages/attack/registry.hpp"

namespace detox {
namespace {

class Late final : public Attack {
 public:
  explicit Late(double delay_s) : delay_s_(delay_s) {}
  double delay_s() const override { return delay_s_; }
  void corrupt(const AttackInput& input, std::span<float> out,
               ThreadPool& /*pool*/) const override {
    std::ranges::copy(input.own, out.begin());
  }

 private:
  double delay_s_;
};

}  // namespace

std::unique_ptr<Attack> make_crash(const AttackOptions& /*options*/) {
  return std::make_unique<Late>(std::numeric_limits<double>::infinity());
}

std::unique_ptr<Attack> make_straggler(const AttackOptions& options) {
  return std::make_unique<Late>(std::max(options.adversarial, 0.0));
}

}  // namespace detox
