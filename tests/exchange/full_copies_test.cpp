#include "exchange/full_copies.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace detox {
namespace {

using Taken = FullCopies::Taken;

constexpr Chunks kElevenBytes{11, 4};

/// The chunk of an answer, as a worker sends it.
Taken take_part(FullCopies& copies, std::uint32_t worker, std::uint64_t step, std::uint32_t slice,
                std::size_t chunk, std::string answer) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(answer));
  return copies.take(worker, {.step = step,
                              .slice = slice,
                              .chunk = chunk,
                              .packed = false,
                              .bytes = kElevenBytes.part(bytes, chunk)});
}

/// All chunks of an answer; what the last one came to.
Taken take_all(FullCopies& copies, std::uint32_t worker, std::uint64_t step, std::uint32_t slice,
               const std::string& answer) {
  EXPECT_EQ(take_part(copies, worker, step, slice, 0, answer), Taken::kMore);
  EXPECT_EQ(take_part(copies, worker, step, slice, 1, answer), Taken::kMore);
  return take_part(copies, worker, step, slice, 2, answer);
}

std::string text_of_answer(const FullCopies& copies, std::uint32_t worker, std::uint64_t step = 1,
                           std::uint32_t slice = 0) {
  const auto bytes = copies.answer(worker, step, slice);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(FullCopies, AreWholeWithTheLastChunk) {
  FullCopies copies(kElevenBytes, 2, 1);
  EXPECT_EQ(take_all(copies, 1, 5, 3, "hello world"), Taken::kWhole);
  EXPECT_EQ(text_of_answer(copies, 1, 5, 3), "hello world");
}

TEST(FullCopies, OfOneChunkAreWholeAtOnce) {
  FullCopies copies({4, 4}, 1, 1);
  const auto bytes = std::as_bytes(std::span("hell", 4));
  EXPECT_EQ(copies.take(0, {.step = 1, .slice = 0, .chunk = 0, .packed = false, .bytes = bytes}),
            Taken::kWhole);
  EXPECT_EQ(copies.take(0, {.step = 1, .slice = 0, .chunk = 0, .packed = false, .bytes = bytes}),
            Taken::kRepeats);
  EXPECT_EQ(copies.take(0, {.step = 1,
                            .slice = 0,
                            .chunk = 0,
                            .packed = false,
                            .bytes = std::as_bytes(std::span("help", 4))}),
            Taken::kDiffers);
  EXPECT_EQ(text_of_answer(copies, 0), "hell");
}

TEST(FullCopies, OfWorkersDoNotMix) {
  FullCopies copies(kElevenBytes, 2, 1);
  EXPECT_EQ(take_part(copies, 0, 1, 0, 0, "first copy!"), Taken::kMore);
  EXPECT_EQ(take_all(copies, 1, 1, 0, "second copy"), Taken::kWhole);
  EXPECT_EQ(take_part(copies, 0, 1, 0, 1, "first copy!"), Taken::kMore);
  EXPECT_EQ(take_part(copies, 0, 1, 0, 2, "first copy!"), Taken::kWhole);
  EXPECT_EQ(text_of_answer(copies, 0), "first copy!");
  EXPECT_EQ(text_of_answer(copies, 1), "second copy");
}

TEST(FullCopies, ComeInOrderAlone) {
  FullCopies copies(kElevenBytes, 1, 1);
  EXPECT_EQ(take_part(copies, 0, 1, 0, 1, "hello world"), Taken::kUnexpected);
  EXPECT_EQ(take_part(copies, 0, 1, 0, 0, "hello world"), Taken::kMore);
  EXPECT_EQ(take_part(copies, 0, 1, 0, 0, "HELLO world"), Taken::kUnexpected);
  EXPECT_EQ(take_part(copies, 0, 1, 0, 2, "hello world"), Taken::kUnexpected);
  EXPECT_EQ(take_part(copies, 0, 1, 0, 1, "hello world"), Taken::kMore);
  EXPECT_EQ(take_part(copies, 0, 1, 0, 2, "hello world"), Taken::kWhole);
  EXPECT_EQ(text_of_answer(copies, 0), "hello world");
}

TEST(FullCopies, AreOfOneSliceAlone) {
  FullCopies copies(kElevenBytes, 1, 1);
  EXPECT_EQ(take_part(copies, 0, 1, 7, 0, "hello world"), Taken::kMore);
  EXPECT_EQ(take_part(copies, 0, 1, 8, 1, "hello world"), Taken::kUnexpected);
  EXPECT_EQ(take_part(copies, 0, 1, 8, 0, "hello world"), Taken::kUnexpected);
  EXPECT_EQ(take_part(copies, 0, 1, 7, 1, "hello world"), Taken::kMore);
}

TEST(FullCopies, BeginAnewWithANewerStepAlone) {
  FullCopies copies(kElevenBytes, 1, 1);
  EXPECT_EQ(take_part(copies, 0, 5, 3, 0, "half of it "), Taken::kMore);
  EXPECT_EQ(take_part(copies, 0, 6, 3, 1, "hello world"), Taken::kUnexpected);  // not its first
  EXPECT_EQ(take_part(copies, 0, 4, 3, 0, "hello world"), Taken::kUnexpected);
  EXPECT_EQ(take_all(copies, 0, 6, 2, "hello world"), Taken::kWhole);
  EXPECT_EQ(text_of_answer(copies, 0, 6, 2), "hello world");
  EXPECT_EQ(take_part(copies, 0, 5, 3, 1, "half of it "), Taken::kUnexpected);
  EXPECT_EQ(text_of_answer(copies, 0, 6, 2), "hello world");
}

TEST(FullCopies, ThatComeAgainAreComparedAndNeverWritten) {
  FullCopies copies(kElevenBytes, 1, 1);
  ASSERT_EQ(take_all(copies, 0, 1, 0, "hello world"), Taken::kWhole);
  for (const std::size_t chunk : {0U, 1U, 2U, 0U, 1U, 2U})
    EXPECT_EQ(take_part(copies, 0, 1, 0, chunk, "hello world"), Taken::kRepeats);
  EXPECT_EQ(take_part(copies, 0, 1, 0, 1, "hello world"), Taken::kUnexpected);
  EXPECT_EQ(take_part(copies, 0, 1, 0, 0, "hello world"), Taken::kRepeats);
  EXPECT_EQ(take_part(copies, 0, 1, 0, 1, "hello world"), Taken::kRepeats);
  EXPECT_EQ(take_part(copies, 0, 1, 0, 2, "hello worst"), Taken::kDiffers);
  EXPECT_EQ(text_of_answer(copies, 0), "hello world");
}

TEST(FullCopies, StayAsTheyAreWhateverComesForTheirStepOrAnOlderOne) {
  FullCopies copies(kElevenBytes, 1, 1);
  ASSERT_EQ(take_all(copies, 0, 9, 2, "hello world"), Taken::kWhole);
  for (const std::uint64_t step : {std::uint64_t{0}, std::uint64_t{8}, std::uint64_t{9}}) {
    for (const std::uint32_t slice : {0U, 2U, 0xffffffffU}) {
      for (const std::size_t chunk : {2U, 0U, 0U, 1U, 1U, 2U})
        take_part(copies, 0, step, slice, chunk, "other bytes");
    }
  }
  EXPECT_EQ(text_of_answer(copies, 0, 9, 2), "hello world");
}

TEST(FullCopies, OfOneStepAreAsManyAsAWorkerMayAnswer) {
  FullCopies copies(kElevenBytes, 1, 2);
  EXPECT_EQ(take_all(copies, 0, 1, 7, "hello world"), Taken::kWhole);
  EXPECT_EQ(take_all(copies, 0, 1, 8, "HELLO WORLD"), Taken::kWhole);
  EXPECT_EQ(take_part(copies, 0, 1, 9, 0, "other bytes"), Taken::kUnexpected);
  EXPECT_EQ(take_part(copies, 0, 1, 7, 0, "hello world"), Taken::kRepeats);
  EXPECT_EQ(text_of_answer(copies, 0, 1, 7), "hello world");
  EXPECT_EQ(text_of_answer(copies, 0, 1, 8), "HELLO WORLD");
  EXPECT_EQ(take_all(copies, 0, 2, 8, "other bytes"), Taken::kWhole);
  EXPECT_EQ(text_of_answer(copies, 0, 2, 8), "other bytes");
}

TEST(FullCopies, ArePackedOnlyWhereWorkersWereToldTo) {
  const std::vector<std::byte> plain(4096, std::byte{7});
  std::vector<std::byte> packed;
  ASSERT_TRUE(make_compressor("zstd")->pack(plain, packed));
  FullCopies none({4096, 4096}, 1, 1), zstd({4096, 4096}, 1, 1, "zstd");
  EXPECT_EQ(none.take(0, {.step = 1, .slice = 0, .chunk = 0, .packed = true, .bytes = packed}),
            Taken::kUnexpected);
  EXPECT_EQ(zstd.take(0, {.step = 1,
                          .slice = 0,
                          .chunk = 0,
                          .packed = true,
                          .bytes = std::span(plain).first(100)}),
            Taken::kUnexpected);
  EXPECT_EQ(zstd.take(0, {.step = 1, .slice = 0, .chunk = 0, .packed = true, .bytes = packed}),
            Taken::kWhole);
  EXPECT_TRUE(std::ranges::equal(zstd.answer(0, 1, 0), plain));
  EXPECT_EQ(zstd.take(0, {.step = 1, .slice = 0, .chunk = 0, .packed = false, .bytes = plain}),
            Taken::kRepeats);
}

TEST(FullCopies, OfStepZeroAreNeverExpected) {
  FullCopies copies(kElevenBytes, 1, 1);
  for (const std::size_t chunk : {0U, 1U, 2U})
    EXPECT_EQ(take_part(copies, 0, 0, 0, chunk, "hello world"), Taken::kUnexpected);
}

}  // namespace
}  // namespace detox
