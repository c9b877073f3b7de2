#include "exchange/answer_digests.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>

namespace detox {
namespace {

constexpr Chunks kAnswerChunks{11, 4};
constexpr std::string_view kAnswer = "hello world";

AnswerContext sample_context() {
  Digest weights;
  weights.fill(std::byte{0x11});
  return {.step = 7, .slice = 3, .weights = weights, .codec = "none", .d = 2};
}

std::vector<std::byte> digests_for(const AnswerContext& context, const Chunks& chunks,
                                   std::string_view answer) {
  return digests_of_answer(context, chunks, std::as_bytes(std::span(answer.data(), answer.size())));
}

std::string first_digest(const AnswerContext& context, const Chunks& chunks) {
  const std::string answer(chunks.bytes, 'x');
  const std::vector<std::byte> digests = digests_for(context, chunks, answer);
  return hex(std::span(digests).first(sizeof(Digest)));
}

std::string digest_in(std::span<const std::byte> digests, std::size_t index) {
  return hex(digests.subspan(index * sizeof(Digest), sizeof(Digest)));
}

/// The digests in this file are those of sha256sum.
TEST(AnswerDigests, AreTheSha256OfTheContextAndOfEachChunk) {
  const std::vector<std::byte> digests = digests_for(sample_context(), kAnswerChunks, kAnswer);
  ASSERT_EQ(digests.size(), 4 * sizeof(Digest));
  EXPECT_EQ(digest_in(digests, 0),
            "0d94a4c6a8c8c833ccf3ebbdee9afc8909931324d8642a02f0cc459d8f954f8d");
  EXPECT_EQ(digest_in(digests, 1),
            "0ebdc3317b75839f643387d783535adc360ca01f33c75f7c1e7373adcd675c0b");
  EXPECT_EQ(digest_in(digests, 2),
            "8af8e662a3b251ef02d2ed85745535086af77aa1ac63a4f5f800f501c8e5d093");
  EXPECT_EQ(digest_in(digests, 3),
            "85c76dcae2299d2235c793fe3425bd88376f5c4721cfddc1c9a9c452c20c5d33");
}

TEST(AnswerDigests, BeginWithAnotherDigestWhereAnythingInTheContextDiffers) {
  std::set<std::string> seen{first_digest(sample_context(), kAnswerChunks)};
  const auto expect_new = [&seen](const std::string& digest) {
    EXPECT_TRUE(seen.insert(digest).second);
  };
  const std::vector<std::function<void(AnswerContext&)>> changes{
      [](AnswerContext& context) { context.step = 8; },
      [](AnswerContext& context) { context.slice = 4; },
      [](AnswerContext& context) { context.weights[31] ^= std::byte{1}; },
      [](AnswerContext& context) { context.codec = "sign"; },
      [](AnswerContext& context) { context.d = 3; }};
  for (const auto& change : changes) {
    AnswerContext context = sample_context();
    change(context);
    expect_new(first_digest(context, kAnswerChunks));
  }
  expect_new(first_digest(sample_context(), {12, 4}));
  expect_new(first_digest(sample_context(), {11, 5}));
}

TEST(AnswerDigests, DoNotConfuseNeighbouringNumbers) {
  AnswerContext first = sample_context(), second = sample_context();
  first.step = 12, first.slice = 3;
  second.step = 1, second.slice = 23;
  EXPECT_NE(first_digest(first, kAnswerChunks), first_digest(second, kAnswerChunks));
}

TEST(AnswerDigests, BeginWithTheSameDigestWhateverTheAnswerIs) {
  const auto one = digests_for(sample_context(), kAnswerChunks, kAnswer);
  const auto other = digests_for(sample_context(), kAnswerChunks, "hello there");
  EXPECT_EQ(digest_in(one, 0), digest_in(other, 0));
  EXPECT_EQ(digest_in(one, 1), digest_in(other, 1));
  EXPECT_NE(digest_in(one, 2), digest_in(other, 2));
  EXPECT_NE(digest_in(one, 3), digest_in(other, 3));
}

TEST(AnswerDigests, PromiseExactlyTheBytesOfEachChunk) {
  const auto digests = digests_for(sample_context(), kAnswerChunks, kAnswer);
  const auto keeps = [&](std::size_t chunk, std::string_view bytes) {
    return is_as_promised(digests, chunk, std::as_bytes(std::span(bytes.data(), bytes.size())));
  };
  EXPECT_TRUE(keeps(0, "hell"));
  EXPECT_TRUE(keeps(1, "o wo"));
  EXPECT_TRUE(keeps(2, "rld"));
  EXPECT_FALSE(keeps(0, "o wo"));
  EXPECT_FALSE(keeps(2, "rlD"));
  EXPECT_FALSE(keeps(2, "rl"));
  EXPECT_FALSE(keeps(2, ""));
}

TEST(DigestOfChunks, IsTheSha256OfTheirDigestsInOrder) {
  std::vector<Digest> chunks(2);
  chunks[0].fill(std::byte{0x01});
  chunks[1].fill(std::byte{0x02});
  EXPECT_EQ(hex(digest_of_chunks(chunks)),
            "f818afd37a6dc3bc92fb44731011277006db4efa6e9023cd7468c02335d22a4d");
  std::swap(chunks[0], chunks[1]);
  EXPECT_NE(hex(digest_of_chunks(chunks)),
            "f818afd37a6dc3bc92fb44731011277006db4efa6e9023cd7468c02335d22a4d");
  EXPECT_EQ(hex(digest_of_chunks({})),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace detox
