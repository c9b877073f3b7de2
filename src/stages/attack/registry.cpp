#include "stages/attack/registry.hpp"

#include <array>

#include "base/names.hpp"

namespace detox {
namespace {

constexpr double kOfTheOriginal = -100;

constexpr std::array kAttacks = {
    AttackInfo{"alie",
               "a little is enough: mean + sign * z * deviation of the honest values",
               "Baruch et al. 2019, arXiv 1902.06156",
               {},
               make_alie},
    AttackInfo{"alie_opt",
               "mean - tau * deviation, tau searched against the defence as it is configured",
               "Baruch et al. 2019, arXiv 1902.06156",
               {},
               make_alie_opt},
    AttackInfo{"constant", "every coordinate is c", "DRACO, arXiv 1803.09877", kOfTheOriginal,
               make_constant},
    AttackInfo{
        "crash", "no answer in this step", "Chen et al. 2016, arXiv 1604.00981", {}, make_crash},
    AttackInfo{"gaussian", "Gaussian noise of deviation |c|; random with another default",
               "Blanchard et al. 2017, arXiv 1703.02757", 1, make_random},
    AttackInfo{"infinity", "every coordinate is +infinity", "", {}, make_infinity},
    AttackInfo{"ipm", "c times the mean of the honest gradients",
               "Xie, Koyejo, Gupta 2020, arXiv 1903.03936", -2, make_ipm},
    AttackInfo{"ipm_opt",
               "-tau times the mean, tau searched against the defence as it is configured",
               "Xie, Koyejo, Gupta 2020, arXiv 1903.03936",
               {},
               make_ipm_opt},
    AttackInfo{"label_flip",
               "the gradient for label K - 1 - y in the place of y",
               "Tolpegin et al. 2020, arXiv 2007.08432",
               {},
               make_label_flip},
    AttackInfo{"mimic", "the honest gradient of slice c, from 0",
               "Karimireddy, He, Jaggi 2022, arXiv 2006.09365", 0, make_mimic},
    AttackInfo{"min_max",
               "mean - gamma * deviation, no farther from any honest gradient than they are apart",
               "Shejwalkar, Houmansadr. NDSS 2021",
               {},
               make_min_max},
    AttackInfo{"min_sum",
               "the same, with the sum of squared distances no greater than that of one",
               "Shejwalkar, Houmansadr. NDSS 2021",
               {},
               make_min_sum},
    AttackInfo{"nan", "every coordinate is NaN", "", {}, make_nan},
    AttackInfo{"none", "Byzantine workers behave", "", {}, make_none},
    AttackInfo{"random", "Gaussian noise of deviation |c|",
               "Blanchard et al. 2017, arXiv 1703.02757", kOfTheOriginal, make_random},
    AttackInfo{"rev_grad", "c times the honest gradient (reversed for c < 0)",
               "DRACO, arXiv 1803.09877", kOfTheOriginal, make_rev_grad},
    AttackInfo{"sign_flip",
               "the honest gradient with the other sign",
               "Li et al. 2019, arXiv 1811.03761",
               {},
               make_sign_flip},
    AttackInfo{"straggler", "the honest answer, c seconds late",
               "Chen et al. 2016, arXiv 1604.00981", 1, make_straggler},
};

}  // namespace

std::span<const AttackInfo> attacks() { return kAttacks; }

const AttackInfo& find_attack(std::string_view name) {
  return find_by_name("attack", name, attacks());
}

}  // namespace detox
