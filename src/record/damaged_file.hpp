// A file that is not what was once written.
#pragma once

#include "detox/errors.hpp"

namespace detox {

/// Bytes were lost, changed or added. Only this lets --resume auto pass a checkpoint over: a file
/// that cannot be read now, or that is sound and belongs to something else, is no reason to forget
/// the steps in it.
class DamagedFile final : public InputError {
 public:
  using InputError::InputError;
};

}  // namespace detox
