#include "learn/learner_file.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

#include "base/home_folder.hpp"
#include "base/module.hpp"
#include "base/module_note.hpp"
#include "detox/errors.hpp"
#include "learn/learner_module.h"

namespace detox {
namespace {

namespace fs = std::filesystem;

constexpr const char* kVariable = "DETOX_LEARNER";

}  // namespace

void use_learner(const fs::path& file) {
  if (!file.empty()) setenv(kVariable, fs::absolute(file).c_str(), 1);
}

fs::path learner_file() {
  if (const char* named = std::getenv(kVariable); named != nullptr && *named != '\0')
    return with_home(named);
  return module_file("learner-torch");
}

LearnerNote read_learner_note(const fs::path& file) {
  try {
    ModuleNote note = read_module_note(
        file,
        {.what = "learner", .note_type = DETOX_LEARNER_NOTE, .interface = DETOX_LEARNER_INTERFACE});
    return {.interface = note.interface, .computes_with = std::move(note.text)};
  } catch (const InputError& error) {
    throw InputError(fmt::format("learner module {}: {}; --learner or {} names another one",
                                 file.string(), error.what(), kVariable));
  }
}

}  // namespace detox
