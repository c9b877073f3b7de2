// The door to what computes gradients.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/learner.hpp"
#include "learn/learner_module.h"

namespace detox {

/// The table of learner_file(), which is opened with the first call and stays open. The numerical
/// profile is pinned by then (host/numerics.hpp): libraries read it when they are loaded.
/// InputError, as read_learner_note() and where the file or what it needs cannot be loaded.
const detox_learner_table& open_learner();

/// As make_learner (base/learner.hpp), of this table, which stays as long as the learner; what
/// `network` says is its matter.
std::unique_ptr<Learner> learner_over(const detox_learner_table& table, std::string_view network,
                                      ImageShape shape, std::size_t classes);

/// Name, and version with what is in force, of the libraries that compute. Opens the module.
std::vector<std::pair<std::string, std::string>> learner_libraries();

/// Calls a function of the module, `arguments` and then a sink for its error; what it refuses is
/// thrown as the UsageError or InputError that it says it is.
template <class Function, class... Arguments>
void call_learner(Function* function, Arguments... arguments);

/// A sink that appends to `text`.
detox_sink sink_into(std::string& text);

/// Throws what a call answered, unless it is DETOX_LEARNER_OK.
void check_answer(int answer, const std::string& error);

template <class Function, class... Arguments>
void call_learner(Function* function, Arguments... arguments) {
  std::string error;
  check_answer(function(arguments..., sink_into(error)), error);
}

}  // namespace detox
