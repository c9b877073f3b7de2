#include "learn/open_learner.hpp"

#include <fmt/format.h>

#include <sstream>

#include "base/module.hpp"
#include "detox/errors.hpp"
#include "learn/learner_file.hpp"

namespace detox {
namespace {

const detox_learner_table* load_learner() {
  const std::filesystem::path file = std::filesystem::absolute(learner_file());
  read_learner_note(file);
  void* module = open_module(file);
  using Entry = const detox_learner_table* (*)();
  const auto entry = reinterpret_cast<Entry>(symbol_of(module, DETOX_LEARNER_SYMBOL));
  const detox_learner_table* table = entry == nullptr ? nullptr : entry();
  if (table == nullptr || table->interface != DETOX_LEARNER_INTERFACE) {
    throw InputError(fmt::format("learner module {}: {} does not give interface {}", file.string(),
                                 DETOX_LEARNER_SYMBOL, DETOX_LEARNER_INTERFACE));
  }
  return table;
}

void append_to_text(void* to, const char* data, std::size_t size) {
  static_cast<std::string*>(to)->append(data, size);
}

}  // namespace

const detox_learner_table& open_learner() {
  static const detox_learner_table* const kTable = load_learner();
  return *kTable;
}

detox_sink sink_into(std::string& text) { return {.to = &text, .write = append_to_text}; }

void check_answer(int answer, const std::string& error) {
  if (answer == DETOX_LEARNER_OK) return;
  if (answer == DETOX_LEARNER_USAGE) throw UsageError(error);
  throw InputError(error.empty() ? "the learner module failed and does not say why" : error);
}

std::vector<std::pair<std::string, std::string>> learner_libraries() {
  std::string text;
  call_learner(open_learner().libraries, sink_into(text));
  std::vector<std::pair<std::string, std::string>> libraries;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t tab = std::min(line.find('\t'), line.size());
    libraries.emplace_back(line.substr(0, tab), line.substr(std::min(tab + 1, line.size())));
  }
  return libraries;
}

}  // namespace detox
