// rounds.jsonl, read back: what a run cannot have written is refused, with the place.
#include "record/rounds_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "base/file.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

/// Seven workers in two slices; of the second one's majority worker 6 is not.
Json line(std::uint64_t step) {
  return {{"step", step},
          {"skipped", false},
          {"slices",
           {{{"slice", 0}, {"assigned", {1, 3, 5, 7}}, {"counted", {3, 5, 7}}, {"used", true}},
            {{"slice", 1}, {"assigned", {2, 4, 6}}, {"counted", {2, 4}}, {"used", false}}}}};
}

RecordedRounds read(const std::string& text) {
  const auto bytes = bytes_of(text);
  return {"rounds.jsonl", {bytes.begin(), bytes.end()}, 7, 2};
}

std::string refusal_of(const std::string& text) {
  try {
    read(text);
    return {};
  } catch (const InputError& error) {
    return error.what();
  }
}

std::string refusal_of(const std::function<void(Json&)>& change) {
  Json changed = line(2);
  change(changed);
  return refusal_of(line(1).dump() + "\n" + changed.dump() + "\n" + line(3).dump() + "\n");
}

TEST(RecordedRounds, GiveBackWhatCountedInEachStep) {
  Json skipped = line(6);
  skipped["skipped"] = true;
  skipped["slices"][0]["used"] = false;
  skipped["slices"][1]["counted"] = Json::array();
  const RecordedRounds rounds = read(line(5).dump() + "\n" + skipped.dump() + "\n");
  EXPECT_EQ(rounds.first_step(), 5U);
  EXPECT_EQ(rounds.last_step(), 6U);
  const RecordedStep five = rounds.at(5), six = rounds.at(6);
  EXPECT_EQ(five.step, 5U);
  EXPECT_FALSE(five.skipped);
  EXPECT_EQ(five.slices[0].assigned, (std::vector<std::uint32_t>{0, 2, 4, 6}));
  EXPECT_EQ(five.slices[0].counted, (std::vector<std::uint32_t>{2, 4, 6}));
  EXPECT_TRUE(five.slices[0].used);
  EXPECT_FALSE(five.slices[1].used);
  EXPECT_TRUE(six.skipped);
  EXPECT_TRUE(six.slices[1].counted.empty());
  EXPECT_THROW(rounds.at(4), InputError);
  EXPECT_THROW(rounds.at(7), InputError);
}

TEST(RecordedRounds, GiveBackWhatTheRuleRejectedOfWhatWasUsed) {
  Json rejected = line(5);
  rejected["rejected"] = {0};
  EXPECT_EQ(read(rejected.dump() + "\n").at(5).rejected, (std::vector<std::uint32_t>{0}));
  EXPECT_TRUE(read(line(5).dump() + "\n").at(5).rejected.empty());
  for (const Json& other : {Json{1}, Json{2}, Json{-1}, Json{"0"}, Json{0, 0}, Json{0.5}}) {
    EXPECT_THAT(refusal_of([&](Json& json) { json["rejected"] = other; }),
                HasSubstr("line 2 (step 2): 'rejected' names something other than slices"))
        << other;
  }
  EXPECT_THAT(refusal_of([&](Json& json) { json["rejected"] = 0; }), HasSubstr("no 'rejected'"));
}

Json line(std::uint64_t step, std::uint64_t attempt) {
  Json json = line(step);
  json["attempt"] = attempt;
  return json;
}

Json back(std::uint64_t to, std::uint64_t attempt, std::uint64_t from) {
  return {{"step", to},
          {"attempt", attempt},
          {"back_from", from},
          {"back_to", to},
          {"convicted", "3:1:2:out"}};
}

std::string text_of_lines(const std::vector<Json>& lines) {
  std::string text;
  for (const Json& json : lines) text += json.dump() + "\n";
  return text;
}

TEST(RecordedRounds, AreTheStepsThatStandWhereARunHasGoneBack) {
  Json again = line(2, 1);
  again["slices"][1]["used"] = true;
  const std::string text = text_of_lines({line(1), line(2), line(3), back(1, 1, 3), again});
  const RecordedRounds rounds = read(text);
  EXPECT_EQ(rounds.last_step(), 2U);
  EXPECT_EQ(rounds.at(1).attempt, 0U);
  EXPECT_EQ(rounds.at(2).attempt, 1U);
  EXPECT_TRUE(rounds.at(2).slices[1].used);
  ASSERT_EQ(rounds.backs().size(), 1U);
  EXPECT_EQ(rounds.backs()[0].from, 3U);
  EXPECT_EQ(rounds.backs()[0].to, 1U);
  EXPECT_EQ(rounds.backs()[0].convicted, "3:1:2:out");
  // What is wanted up to a step is what stands of it, wherever the run went on to.
  const auto bytes = bytes_of(text);
  EXPECT_EQ(RecordedRounds("r", {bytes.begin(), bytes.end()}, 7, 2, 2).at(2).attempt, 1U);
  // A replay takes no step that does not stand.
  const RecordedRounds replayed = read(text_of_lines({back(0, 1, 3), line(1, 1)}));
  EXPECT_EQ(replayed.first_step(), 1U);
  EXPECT_EQ(replayed.backs().size(), 1U);
}

TEST(RecordedRounds, LackNothingWhereTheStepsOfLostLinesWereTakenAgain) {
  for (const std::vector<Json>& lines : std::vector<std::vector<Json>>{
           {line(1), line(4), back(1, 1, 4), line(2, 1), line(3, 1)},
           {line(3), back(0, 1, 4), line(1, 1), line(2, 1), line(3, 1)},
           {line(1), back(3, 1, 5), line(4, 1), back(1, 2, 4), line(2, 2), line(3, 2)}}) {
    const std::string text = text_of_lines(lines);
    SCOPED_TRACE(text);
    std::vector<std::uint64_t> seen;
    const auto bytes = bytes_of(text);
    const RecordedRounds rounds("r", {bytes.begin(), bytes.end()}, 7, 2, 3,
                                [&](const RecordedStep& step) { seen.push_back(step.step); });
    EXPECT_EQ(rounds.first_step(), 1U);
    EXPECT_EQ(rounds.last_step(), 3U);
    for (const std::uint64_t step : {1U, 2U, 3U}) EXPECT_EQ(rounds.at(step).step, step);
    EXPECT_EQ(seen.size() + rounds.backs().size(), lines.size());
  }
  EXPECT_THAT(refusal_of(text_of_lines({line(1), line(4), back(2, 1, 4), line(3, 1)})),
              HasSubstr("line 4 is of step 3, not of step 2: it lacks steps 2 to 2"));
}

TEST(RecordedRounds, RefuseAttemptsThatNoRunMakes) {
  for (const std::vector<Json>& lines :
       std::vector<std::vector<Json>>{{line(1), line(2, 1)},
                                      {line(1), back(1, 2, 1), line(2, 2)},
                                      {line(1), line(2), back(3, 1, 3)},
                                      {line(5), back(3, 1, 5)},
                                      {line(1), back(3, 1, 5), line(4, 1)},
                                      {line(1), line(2), back(1, 1, 2), line(2)},
                                      {line(1), line(2), back(1, 1, 2), line(3, 1)},
                                      {line(1), {{"step", 1}, {"attempt", 1}, {"back_from", 1}}},
                                      {line(1, 65536)},
                                      {line(std::uint64_t{1} << 48)}})
    EXPECT_NE(refusal_of(text_of_lines(lines)), "") << text_of_lines(lines);
  EXPECT_THAT(refusal_of(text_of_lines({line(1), line(2), back(0, 1, 2)})),
              HasSubstr("no step is recorded there"));
}

TEST(RecordedRounds, RefuseToGoBackToWhereNoRunIs) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  constexpr std::uint64_t kSteps = std::uint64_t{1} << 48;
  for (const Json& first : {back(kMost, 1, 3), back(kMost, 1, kMost), back(kSteps, 1, kSteps + 1),
                            back(3, 0, 5), back(3, kMost, 5), back(3, 65536, 5), back(5, 1, 5)}) {
    SCOPED_TRACE(first.dump());
    const std::string text = text_of_lines({first});
    const auto bytes = bytes_of(text);
    for (const std::uint64_t until : {std::uint64_t{5}, kMost / 2, kMost})
      EXPECT_THROW(RecordedRounds("r", {bytes.begin(), bytes.end()}, 7, 2, until), InputError);
    EXPECT_THAT(refusal_of(text), HasSubstr("line 1"));
  }
}

TEST(RecordedRounds, SayWhoWasAwayWhereCopiesAreDealt) {
  Json dealt = {
      {"step", 1},
      {"skipped", false},
      {"away", {2, 6}},
      {"put_out", 1},
      {"convicted", {4}},
      {"slices",
       {{{"slice", 0}, {"assigned", {1, 4}}, {"more", {7}}, {"counted", {1, 7}}, {"used", true}},
        {{"slice", 1}, {"assigned", {3}}, {"counted", {3}}, {"used", true}}}}};
  const RecordedStep step = read(dealt.dump() + "\n").at(1);
  EXPECT_EQ(*step.away, (std::vector<std::uint32_t>{1, 5}));
  EXPECT_EQ(step.put_out, 1U);
  EXPECT_EQ(step.convicted, (std::vector<std::uint32_t>{3}));
  EXPECT_EQ(step.slices[0].more, (std::vector<std::uint32_t>{6}));
  const auto refused = [&](const std::function<void(Json&)>& change) {
    Json changed = dealt;
    change(changed);
    return refusal_of(changed.dump() + "\n");
  };
  EXPECT_THAT(refused([](Json& json) { json["away"] = {1}; }),
              HasSubstr("worker 1 was away and was assigned to a slice"));
  EXPECT_THAT(refused([](Json& json) { json["away"] = {9}; }),
              HasSubstr("'away' names something other than workers 1 to 7"));
  EXPECT_THAT(refused([](Json& json) { json["put_out"] = 3; }),
              HasSubstr("more were put out than were away"));
  EXPECT_THAT(refused([](Json& json) { json.erase("put_out"); }), HasSubstr("no 'put_out'"));
  EXPECT_THAT(refused([](Json& json) { json["convicted"] = "4"; }), HasSubstr("no 'convicted'"));
  EXPECT_THAT(refused([](Json& json) { json["slices"][0].erase("more"); }),
              HasSubstr("worker 7 counted, but was not assigned"));
}

TEST(RecordedRounds, EndBeforeALineThatIsBeingWritten) {
  const std::string whole = line(1).dump() + "\n" + line(2).dump() + "\n";
  EXPECT_EQ(read(whole + R"({"step":3,"ski)").last_step(), 2U);
  EXPECT_EQ(read(whole + line(3).dump()).last_step(), 2U);
}

TEST(RecordedRounds, AreRefusedWhereALineIsDamaged) {
  EXPECT_THAT(refusal_of(line(1).dump() + "\nnonsense\n"),
              HasSubstr("line 2: it is no JSON object"));
  EXPECT_THAT(refusal_of("\n"), HasSubstr("line 1: it is no JSON object"));
  EXPECT_THAT(refusal_of("[1]\n"), HasSubstr("line 1: it is no JSON object"));
  for (const char* text : {"", "no newline"}) EXPECT_THAT(refusal_of(text), HasSubstr("no step"));
  for (const char* name : {"skipped", "slices"}) {
    EXPECT_THAT(refusal_of([&](Json& json) { json.erase(name); }),
                HasSubstr("line 2 (step 2): it has no '" + std::string(name)));
    EXPECT_THAT(refusal_of([&](Json& json) { json[name] = 1; }), HasSubstr(name));
  }
  for (const char* name : {"assigned", "counted", "used"}) {
    EXPECT_THAT(refusal_of([&](Json& json) { json["slices"][1].erase(name); }),
                HasSubstr("(step 2, slice 1): it has no '" + std::string(name)));
    EXPECT_THAT(refusal_of([&](Json& json) { json["slices"][1][name] = "x"; }), HasSubstr(name));
  }
}

TEST(RecordedRounds, AreRefusedWhereStepsAreMissing) {
  const auto with_third = [](std::uint64_t step) {
    return line(1).dump() + "\n" + line(2).dump() + "\n" + line(step).dump() + "\n";
  };
  EXPECT_THAT(refusal_of(with_third(7)),
              HasSubstr("line 3 is of step 7, not of step 3: it lacks steps 3 to 6; valid: up to "
                        "step 2, with --max-steps"));
  for (const std::uint64_t step : {1U, 2U})
    EXPECT_THAT(refusal_of(with_third(step)), HasSubstr("damaged: line 3 is of step"));
  for (const Json& step : {Json(0), Json(-1), Json("2"), Json(2.0), Json(~0ULL)})
    EXPECT_NE(refusal_of([&](Json& json) { json["step"] = step; }), "");
}

TEST(RecordedRounds, AreRefusedWithWorkersOrSlicesThatThereAreNot) {
  for (const Json& worker : {Json(0), Json(8), Json(-1), Json(4294967298), Json("2"), Json(2.0)}) {
    EXPECT_THAT(refusal_of([&](Json& json) { json["slices"][1]["counted"][0] = worker; }),
                HasSubstr("slice 1): 'counted' names something other than workers 1 to 7"));
  }
  EXPECT_THAT(refusal_of([](Json& json) {
                json["slices"][1]["counted"] = {2, 2};
              }),
              HasSubstr("'counted' names worker 2 twice"));
  EXPECT_THAT(refusal_of([](Json& json) {
                json["slices"][1]["counted"] = {2, 3};
              }),
              HasSubstr("worker 3 counted, but was not assigned"));
  EXPECT_THAT(refusal_of([](Json& json) { json["slices"][1]["slice"] = 2; }),
              HasSubstr("another one stands in its place"));
  EXPECT_THAT(refusal_of([](Json& json) { json["slices"].erase(1); }),
              HasSubstr("it has 1 slices, the run 2"));
  EXPECT_THAT(refusal_of([](Json& json) {
                json["slices"][1]["assigned"] = {2, 4, 5};
              }),
              HasSubstr("worker 6 was assigned to no slice"));
  EXPECT_THAT(refusal_of([](Json& json) {
                json["slices"][1]["assigned"] = {2, 4};
              }),
              HasSubstr("worker 6 was assigned to no slice"));
  EXPECT_THAT(refusal_of([](Json& json) {
                json["slices"][0]["assigned"] = {1, 2, 3, 4, 5, 6, 7};
                json["slices"][1]["assigned"] = {1, 2, 3, 4, 5};
              }),
              Not(HasSubstr("assigned")));
}

TEST(RecordedRounds, AreRefusedWhereNoStepGoesSo) {
  EXPECT_THAT(refusal_of([](Json& json) {
                json["slices"][0]["counted"] = {1, 3};
              }),
              HasSubstr("2 of 4 workers are no majority"));
  EXPECT_THAT(refusal_of([](Json& json) { json["slices"][0]["counted"] = Json::array(); }),
              HasSubstr("it was used, but nobody counted"));
  EXPECT_THAT(refusal_of([](Json& json) { json["skipped"] = true; }),
              HasSubstr("it was skipped, but slices were used"));
  EXPECT_THAT(refusal_of([](Json& json) { json["slices"][0]["used"] = false; }),
              HasSubstr("it was not skipped, but no slice was used"));
}

}  // namespace
}  // namespace detox
