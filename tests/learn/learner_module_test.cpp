// The door: which module is opened, what is refused, and that all of a learner comes through plain
// C. Processes of their own open a module, because it stays open.
#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "base/learner.hpp"
#include "detox/errors.hpp"
#include "learn/learner_file.hpp"
#include "learn/open_learner.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string refusal_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const InputError& error) {
    return error.what();
  } catch (const UsageError& error) {
    return std::string("usage: ") + error.what();
  }
  return "taken";
}

std::string note_refusal(const std::filesystem::path& file) {
  return refusal_of([&] { read_learner_note(file); });
}

TEST(LearnerNote, IsReadWithoutOpeningTheModule) {
  const LearnerNote note = read_learner_note(DETOX_TOY_LEARNER);
  EXPECT_EQ(note.interface, 1);
  EXPECT_EQ(note.computes_with, "toy 0.1");
}

TEST(LearnerNote, OfAnotherInterfaceIsRefusedWithBothNumbers) {
  EXPECT_THAT(
      note_refusal(DETOX_FOREIGN_LEARNER),
      AllOf(HasSubstr("it has interface 9 and this program needs 1"), HasSubstr("DETOX_LEARNER")));
}

TEST(LearnerNote, IsWhatAnotherLibraryOrFileLacks) {
  const TemporaryDirectory directory;
  std::ofstream(directory / "text.so") << "no library";
  EXPECT_THAT(note_refusal(DETOX_EMPTY_LEARNER), HasSubstr("no learner of detoxml"));
  EXPECT_THAT(note_refusal(directory / "text.so"), HasSubstr("no learner of detoxml"));
  EXPECT_THAT(note_refusal(directory / "none.so"), HasSubstr("no such file"));
  EXPECT_THAT(note_refusal(directory.path()), HasSubstr("not a regular file"));
}

/// Whatever a file says of its own lengths, reading its note ends, and with a line.
TEST(LearnerNote, OfADamagedFileIsFoundOrRefused) {
  const TemporaryDirectory directory;
  const std::vector<std::byte> whole = read_file(DETOX_TOY_LEARNER);
  const std::filesystem::path file = directory / "damaged.so";
  const auto write = [&](std::span<const std::byte> bytes) {
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  };
  for (std::size_t size = 0; size < 1200; size += 7) {
    write(std::span(whole).first(std::min(size, whole.size())));
    EXPECT_THAT(note_refusal(file), testing::AnyOf("taken", HasSubstr("no learner"))) << size;
  }
  for (std::size_t at = 0; at < sizeof(Elf64_Ehdr) + 12 * sizeof(Elf64_Phdr); ++at) {
    std::vector<std::byte> bytes = whole;
    bytes[at] ^= std::byte{0xff};
    write(bytes);
    EXPECT_THAT(note_refusal(file),
                testing::AnyOf("taken", HasSubstr("no learner"), HasSubstr("it has interface")))
        << at;
  }
}

TEST(LearnerFile, IsTheOneThatIsNamedAndElseTheOneBesideTheProgram) {
  EXPECT_EXIT(
      {
        unsetenv("DETOX_LEARNER");
        const bool own = learner_file().filename() == "learner-torch.so";
        setenv("DETOX_LEARNER", "/somewhere/else.so", 1);
        const bool named = learner_file() == "/somewhere/else.so";
        use_learner("");
        const bool same = learner_file() == "/somewhere/else.so";
        use_learner(DETOX_TOY_LEARNER);
        std::exit(own && named && same && learner_file() == DETOX_TOY_LEARNER ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

class ToyModule : public testing::Test {
 protected:
  void SetUp() override { setenv("DETOX_LEARNER", DETOX_TOY_LEARNER, 1); }
};

TEST_F(ToyModule, HasItsLayoutTakenOver) {
  const auto learner = make_learner("LeNet", {1, 2, 2}, 10);
  const ModelLayout& layout = learner->layout();
  ASSERT_EQ(layout.parameters.size(), 2U);
  EXPECT_EQ(layout.parameters[0].name, "fc.weight");
  EXPECT_THAT(layout.parameters[0].shape, ElementsAre(3, 2));
  EXPECT_EQ(layout.parameters[1].offset, 6U);
  EXPECT_EQ(layout.parameter_count(), 8U);
  EXPECT_EQ(layout.statistic_count(), 2U);
  EXPECT_EQ(layout.counter_count(), 1U);
  EXPECT_EQ(layout.tied.at(0).of, "fc.bias");
  EXPECT_EQ(layout.constants.at(0).dtype, "BOOL");
  EXPECT_THAT(layout.constants.at(0).bytes, ElementsAre(std::byte{1}, std::byte{0}));
  EXPECT_EQ(layout.source, "abc");
  EXPECT_THAT(layout.notices, ElementsAre("warning: a toy"));
  EXPECT_EQ(learner->numerical_profile(), "toy profile");
}

TEST_F(ToyModule, ComputesThroughTheInterface) {
  const auto learner = make_learner("LeNet", {1, 1, 1}, 10);
  Key key{};
  key[3] = std::byte{5};
  const ModelState state = learner->initial_state(key);
  EXPECT_THAT(state.parameters, ElementsAre(0, 0, 0, 5, 0, 0, 0, 0));
  EXPECT_THAT(state.counters, ElementsAre(7));
  std::vector<float> gradient(8), statistics(2);
  const std::vector<float> images = {0.25F, 1, 1};
  const std::vector<std::int64_t> labels = {4, 0, 0};
  const BatchResult result = learner->gradient(state.parameters, state.statistics,
                                               {images, labels, 11}, gradient, statistics);
  EXPECT_THAT(gradient, ElementsAre(0, 0, 0, 15, 0, 0, 0, 0));
  EXPECT_THAT(statistics, ElementsAre(0.75F, 0.75F));
  EXPECT_EQ(result.loss_sum, 11);
  EXPECT_EQ(result.correct, 4);
  EXPECT_EQ(learner->evaluate(state, {images, labels}).correct, 7);
}

TEST_F(ToyModule, RefusesWithItsOwnWords) {
  EXPECT_EQ(refusal_of([] {
              make_learner("LeNet", {3, 2, 2}, 10);
            }),
            "usage: the toy takes grey images");
  const auto learner = make_learner("LeNet", {1, 1, 1}, 10);
  const ModelState state = learner->initial_state({});
  std::vector<float> gradient(8), statistics(2);
  const std::vector<float> images = {1};
  const std::vector<std::int64_t> labels = {1};
  EXPECT_EQ(refusal_of([&] {
              learner->gradient(state.parameters, state.statistics, {images, labels, 13}, gradient,
                                statistics);
            }),
            "no gradient on a thirteenth");
}

TEST_F(ToyModule, WhoseLayoutContradictsItselfIsRefused) {
  EXPECT_THAT(refusal_of([] { make_learner("LeNet", {1, 2, 2}, 2); }), HasSubstr("fc.bias"));
}

TEST_F(ToyModule, IsNotOpenedForANameThatIsNone) {
  EXPECT_THAT(refusal_of([] { make_learner("LeNut", {1, 2, 2}, 2); }), HasSubstr("LeNet"));
}

TEST_F(ToyModule, SaysWhatItComputesWith) {
  const auto libraries = learner_libraries();
  ASSERT_EQ(libraries.size(), 2U);
  EXPECT_EQ(libraries[0], (std::pair<std::string, std::string>("toy", "0.1, by hand")));
}

}  // namespace
}  // namespace detox
