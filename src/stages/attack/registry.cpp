#include "stages/attack/registry.hpp"

#include <array>

#include "base/names.hpp"

namespace detox {
namespace {

constexpr std::array kAttacks = {
    AttackInfo{
        "alie",
        "a little is enough: mean + sign * z * deviation of the honest values (--lis-simulation)",
        "Baruch et al. 2019, arXiv 1902.06156", make_alie},
    AttackInfo{"constant", "every coordinate is c", "DRACO, arXiv 1803.09877", make_constant},
    AttackInfo{"none", "Byzantine workers behave", "", make_none},
    AttackInfo{"random", "Gaussian noise of deviation |c|",
               "Blanchard et al. 2017, arXiv 1703.02757", make_random},
    AttackInfo{"rev_grad", "c times the honest gradient (reversed for c < 0)",
               "DRACO, arXiv 1803.09877", make_rev_grad},
};

}  // namespace

std::span<const AttackInfo> attacks() { return kAttacks; }

const AttackInfo& find_attack(std::string_view name) {
  return find_by_name("attack", name, attacks());
}

}  // namespace detox
