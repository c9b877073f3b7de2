#include "review/evaluations.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/round_number.hpp"
#include "record/journal_reader.hpp"
#include "review/metrics.hpp"

namespace detox {
namespace {

bool is_percentage(const std::optional<double>& value) {
  return value && *value >= 0 && *value <= 100;
}

}  // namespace

std::optional<Evaluation> evaluation_of(std::string_view text) {
  const auto line = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const std::optional<std::uint64_t> round = round_of_line(line);
  if (!round) return std::nullopt;
  const auto loss = number_in_line(line, "loss"), prec1 = number_in_line(line, "prec1"),
             prec5 = number_in_line(line, "prec5");
  if (!loss || !is_percentage(prec1) || !is_percentage(prec5)) return std::nullopt;
  // Who scored by hand (`evaluate --json`) scored what was there, and that stands.
  const bool stands = !line.contains("attempt") && !line.contains("model");
  return Evaluation{step_of_round(*round), stands ? kMostAttempts : attempt_of_round(*round), *loss,
                    *prec1, *prec5};
}

std::vector<Evaluation> read_evaluations(const std::filesystem::path& file,
                                         const std::vector<TakenBack>& backs) {
  std::map<std::uint64_t, Evaluation> by_step;
  JournalReader journal(file);
  journal.read_on([&](std::string_view line) {
    const std::optional<Evaluation> evaluation = evaluation_of(line);
    if (!evaluation) journal.refuse("a run's evaluations");
    const bool is_taken_back = std::ranges::any_of(backs, [&](const TakenBack& back) {
      return evaluation->attempt < back.attempt && evaluation->step > back.to;
    });
    if (!is_taken_back) by_step[evaluation->step] = *evaluation;
  });
  std::vector<Evaluation> evaluations;
  evaluations.reserve(by_step.size());
  for (const auto& [step, evaluation] : by_step) evaluations.push_back(evaluation);
  return evaluations;
}

}  // namespace detox
