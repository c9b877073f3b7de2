// The learner module of this build, for programs that lie elsewhere than detoxml.
#include <cstdlib>

namespace {

[[maybe_unused]] const int kSet = setenv("DETOX_LEARNER", DETOX_BUILT_LEARNER, 0);

}  // namespace
