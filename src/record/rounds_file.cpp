#include "record/rounds_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/file.hpp"
#include "base/round_number.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kBackFrom = "\"back_from\"";

/// A fault of one line, before it is known which.
struct Fault {
  std::string what;
};

using IsRight = bool (Json::*)() const noexcept;

const Json& field(const Json& object, const char* name, IsRight is_right) {
  const auto found = object.find(name);
  if (found == object.end() || !((*found).*is_right)())
    throw Fault{fmt::format("it has no '{}' as a run writes it", name)};
  return *found;
}

/// The list of workers, ascending.
std::vector<std::uint32_t> read_workers(const Json& slice, const char* name, std::size_t workers) {
  std::vector<std::uint32_t> list;
  for (const Json& entry : field(slice, name, &Json::is_array)) {
    const std::uint64_t worker = entry.is_number_unsigned() ? entry.get<std::uint64_t>() : 0;
    if (worker < 1 || worker > workers) {
      throw Fault{fmt::format("'{}' names something other than workers 1 to {}", name, workers)};
    }
    list.push_back(static_cast<std::uint32_t>(worker - 1));
  }
  std::ranges::sort(list);
  if (const auto twice = std::ranges::adjacent_find(list); twice != list.end())
    throw Fault{fmt::format("'{}' names worker {} twice", name, *twice + 1)};
  return list;
}

/// Slices, ascending, of which each was used.
std::vector<std::uint32_t> read_rejected(const Json& json,
                                         const std::vector<RecordedSlice>& slices) {
  std::vector<std::uint32_t> list;
  for (const Json& entry : field(json, "rejected", &Json::is_array)) {
    const std::uint64_t slice =
        entry.is_number_unsigned() ? entry.get<std::uint64_t>() : slices.size();
    const bool is_right =
        slice < slices.size() && slices[slice].used && (list.empty() || list.back() < slice);
    if (!is_right) throw Fault{"'rejected' names something other than slices that were used"};
    list.push_back(static_cast<std::uint32_t>(slice));
  }
  return list;
}

RecordedSlice read_slice(const Json& json, std::size_t workers, bool is_dealt) {
  RecordedSlice slice;
  if (is_dealt && json.contains("more")) slice.more = read_workers(json, "more", workers);
  if (is_dealt && json.contains("server"))
    slice.by_server = field(json, "server", &Json::is_boolean).get<bool>();
  slice.assigned = read_workers(json, "assigned", workers);
  slice.counted = read_workers(json, "counted", workers);
  slice.used = field(json, "used", &Json::is_boolean).get<bool>();
  for (const std::uint32_t worker : slice.counted) {
    if (!std::ranges::binary_search(slice.assigned, worker) &&
        !std::ranges::binary_search(slice.more, worker))
      throw Fault{fmt::format("worker {} counted, but was not assigned", worker + 1)};
  }
  if (!is_dealt && !slice.counted.empty() && 2 * slice.counted.size() <= slice.assigned.size()) {
    throw Fault{fmt::format("{} of {} workers are no majority", slice.counted.size(),
                            slice.assigned.size())};
  }
  if (slice.used && slice.counted.empty()) throw Fault{"it was used, but nobody counted"};
  return slice;
}

/// Slices are dealt evenly: between two workers is one slice at the most.
void check_even(const RecordedStep& step, std::size_t workers) {
  std::vector<std::size_t> slices_of(workers);
  for (const RecordedSlice& slice : step.slices) {
    for (const std::uint32_t worker : slice.assigned) ++slices_of[worker];
  }
  const auto [least, most] = std::ranges::minmax_element(slices_of);
  if (*least == 0)
    throw Fault{fmt::format("worker {} was assigned to no slice", least - slices_of.begin() + 1)};
  if (*most > *least + 1) {
    throw Fault{fmt::format("worker {} was assigned to {} slices, worker {} to {}",
                            most - slices_of.begin() + 1, *most, least - slices_of.begin() + 1,
                            *least)};
  }
}

void check_step(const RecordedStep& step, std::size_t workers) {
  if (!step.away) check_even(step, workers);
  std::size_t used = 0;
  for (const RecordedSlice& slice : step.slices) {
    used += slice.used ? 1 : 0;
    for (const std::uint32_t worker : slice.assigned) {
      if (step.away && std::ranges::binary_search(*step.away, worker))
        throw Fault{fmt::format("worker {} was away and was assigned to a slice", worker + 1)};
    }
  }
  if (step.skipped && used > 0) throw Fault{"it was skipped, but slices were used"};
  if (!step.skipped && used == 0) throw Fault{"it was not skipped, but no slice was used"};
}

}  // namespace

RecordedRounds::RecordedRounds(std::string name, std::vector<std::byte> bytes, std::size_t workers,
                               std::size_t slices, std::uint64_t until, const Seen& seen)
    : name_(std::move(name)), bytes_(std::move(bytes)), workers_(workers), slices_(slices) {
  const std::string_view text = text_of(bytes_);
  const std::size_t last_back = text.rfind(kBackFrom);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t newline = text.find('\n', begin);
    if (newline == std::string_view::npos) break;
    const bool may_go_back = last_back != std::string_view::npos && last_back > begin;
    if (!lines_.empty() && lines_.back().step >= until && !may_go_back) break;
    ++number_;
    const std::string_view line = text.substr(begin, newline - begin);
    if (line.find(kBackFrom) != std::string_view::npos) {
      go_back(line);
    } else {
      const RecordedStep step = parse(begin);
      add(step, begin);
      if (seen) seen(step);
    }
    begin = newline + 1;
  }
  check_whole(until);
  while (!lines_.empty() && lines_.back().step > until) lines_.pop_back();
  if (lines_.empty()) throw InputError(name_ + ": no step is recorded there");
}

void RecordedRounds::add(const RecordedStep& step, std::size_t begin) {
  if (number_ == 1) {
    first_ = step.step;
    attempt_ = step.attempt;
  }
  if (step.attempt != attempt_) {
    throw InputError(fmt::format("{} is damaged: line {} is of attempt {}, the one before of {}",
                                 name_, number_, step.attempt, attempt_));
  }
  const std::uint64_t next = lines_.empty() ? first_ : lines_.back().step + 1;
  if (step.step < next) {
    throw InputError(fmt::format("{} is damaged: line {} is of step {}, not of step {}", name_,
                                 number_, step.step, next));
  }
  lines_.push_back({step.step, begin});
}

/// Who lost lines and took their steps again has them.
void RecordedRounds::check_whole(std::uint64_t until) const {
  std::uint64_t next = first_;
  for (const auto& [step, begin] : lines_) {
    if (step != next && next <= until) {
      throw InputError(fmt::format(
          "{}: line {} is of step {}, not of step {}: it lacks steps {} to {}; valid: up to step "
          "{}, with --max-steps",
          name_, 1 + std::ranges::count(text_of(bytes_).substr(0, begin), '\n'), step, next, next,
          step - 1, next - 1));
    }
    next = step + 1;
  }
}

/// Steps behind it do not stand any more.
void RecordedRounds::go_back(std::string_view line) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  try {
    if (!json.is_object()) throw Fault{"it is no JSON object"};
    const auto number = [&](const char* field_name) {
      return field(json, field_name, &Json::is_number_unsigned).get<std::uint64_t>();
    };
    const std::uint64_t step = number("step");
    const RecordedBack back{number("attempt"), number("back_from"), number("back_to"),
                            field(json, "convicted", &Json::is_string).get<std::string>()};
    if (back.attempt == 0 || back.attempt > kMostAttempts) throw Fault{"it is of no attempt"};
    if (step > back.to || back.to >= back.from || back.from != step_of_round(back.from))
      throw Fault{fmt::format("nobody goes from step {} back to {}", back.from, back.to)};
    if (number_ == 1) {  // of a replay, which takes no step that does not stand
      first_ = step + 1;
      attempt_ = back.attempt - 1;
    }
    if (back.attempt != attempt_ + 1)
      throw Fault{fmt::format("attempt {} follows attempt {}", back.attempt, attempt_)};
    attempt_ = back.attempt;
    backs_.push_back(back);
    first_ = std::min(first_, step + 1);  // where the lines of the first steps were lost
    while (!lines_.empty() && lines_.back().step > step) lines_.pop_back();
  } catch (const Fault& fault) {
    throw InputError(fmt::format("{} is damaged: line {}: {}", name_, number_, fault.what));
  }
}

std::string_view RecordedRounds::line(std::size_t begin) const {
  const std::string_view text = text_of(bytes_).substr(begin);
  return text.substr(0, text.find('\n'));
}

RecordedStep RecordedRounds::parse(std::size_t begin) const {
  const Json json = Json::parse(line(begin), nullptr, /*allow_exceptions=*/false);
  RecordedStep step;
  std::string where;
  try {
    if (!json.is_object()) throw Fault{"it is no JSON object"};
    step.step = field(json, "step", &Json::is_number_unsigned).get<std::uint64_t>();
    if (step.step == 0 || step.step != step_of_round(step.step)) throw Fault{"it is of no step"};
    if (json.contains("attempt")) {
      step.attempt = field(json, "attempt", &Json::is_number_unsigned).get<std::uint64_t>();
      if (step.attempt > kMostAttempts) throw Fault{"it is of no attempt"};
    }
    step.skipped = field(json, "skipped", &Json::is_boolean).get<bool>();
    if (json.contains("away")) {
      step.away = read_workers(json, "away", workers_);
      step.put_out = field(json, "put_out", &Json::is_number_unsigned).get<std::size_t>();
      if (json.contains("readmitted")) step.readmitted = read_workers(json, "readmitted", workers_);
      if (json.contains("convicted")) step.convicted = read_workers(json, "convicted", workers_);
      if (step.put_out > step.away->size()) throw Fault{"more were put out than were away"};
    }
    const Json& slices = field(json, "slices", &Json::is_array);
    if (slices.size() != slices_)
      throw Fault{fmt::format("it has {} slices, the run {}", slices.size(), slices_)};
    for (std::size_t number = 0; number < slices.size(); ++number) {
      where = fmt::format(", slice {}", number);
      const Json& slice = slices[number];
      if (!slice.is_object() ||
          field(slice, "slice", &Json::is_number_unsigned).get<std::uint64_t>() != number) {
        throw Fault{"another one stands in its place"};
      }
      step.slices.push_back(read_slice(slice, workers_, step.away.has_value()));
    }
    where.clear();
    if (json.contains("rejected")) step.rejected = read_rejected(json, step.slices);
    check_step(step, workers_);
  } catch (const Fault& fault) {
    throw InputError(fmt::format("{} is damaged: line {}{}: {}", name_, number_,
                                 step.step > 0 ? fmt::format(" (step {}{})", step.step, where) : "",
                                 fault.what));
  }
  return step;
}

RecordedStep RecordedRounds::at(std::uint64_t step) const {
  if (step < first_step() || step > last_step()) {
    throw InputError(fmt::format("{}: it has no step {}, but steps {} to {}", name_, step,
                                 first_step(), last_step()));
  }
  return parse(lines_[static_cast<std::size_t>(step - first_)].begin);
}

}  // namespace detox
