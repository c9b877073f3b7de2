#include "exchange/weights_broadcast.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "comm/inproc/inproc_network.hpp"

namespace detox {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(RelayTree, ReachesEverybodyOnceOverAtMostTwoEach) {
  for (std::size_t places = 0; places <= 100; ++places) {
    const std::vector<RelayPlace> tree = relay_tree(places);
    ASSERT_EQ(tree.size(), places);
    std::vector<std::size_t> times(places);
    std::size_t below_server = 0;
    for (std::size_t place = 0; place < places; ++place) {
      below_server += tree[place].from == RelayPlace::kServer ? 1 : 0;
      EXPECT_LE(tree[place].to.size(), 2U);
      for (const std::size_t below : tree[place].to) {
        ++times[below];
        EXPECT_EQ(tree[below].from, place);
      }
    }
    EXPECT_LE(below_server, 2U);
    for (std::size_t place = 0; place < places; ++place)
      EXPECT_EQ(times[place], tree[place].from == RelayPlace::kServer ? 0U : 1U);
  }
}

TEST(RelayTree, IsAsDeepAsTheLogarithm) {
  const auto depth = [](const std::vector<RelayPlace>& tree, std::size_t place) {
    std::size_t links = 1;
    for (; tree[place].from != RelayPlace::kServer; place = tree[place].from) {
      EXPECT_LT(tree[place].from, place);
      ++links;
    }
    return links;
  };
  // Below the server are 2 places, below these 4, and so on: 2^(h+1) - 2 within h links.
  for (const auto& [places, links] : {std::pair{2U, 1U},
                                      {3U, 2U},
                                      {6U, 2U},
                                      {7U, 3U},
                                      {14U, 3U},
                                      {45U, 5U},
                                      {62U, 5U},
                                      {63U, 6U}}) {
    const std::vector<RelayPlace> tree = relay_tree(places);
    std::size_t deepest = 0;
    for (std::size_t place = 0; place < places; ++place)
      deepest = std::max(deepest, depth(tree, place));
    EXPECT_EQ(deepest, links) << places;
  }
}

/// Seven parameters and two statistics are 36 bytes: chunks of 16, 16 and 4, and the second holds
/// both.
class Broadcasting {
 public:
  Broadcasting() { broadcast.begin(5, parameters, statistics, pool); }

  /// The chunks that have come at a rank, by their number.
  std::map<std::size_t, std::vector<std::byte>> at(int rank) {
    std::map<std::size_t, std::vector<std::byte>> chunks;
    while (const auto frame = network.endpoint(rank).receive(std::chrono::milliseconds(0), 1000)) {
      const auto chunk = parse_weights(parse_frame(frame->bytes), broadcast.chunks());
      if (!chunk) ADD_FAILURE() << "no weights";
      EXPECT_EQ(chunk->step, 5U);
      chunks[chunk->chunk].assign(chunk->bytes.begin(), chunk->bytes.end());
      order.push_back(chunk->chunk);
    }
    return chunks;
  }

  std::vector<std::byte> bytes(std::size_t chunk) const {
    std::vector<float> all = parameters;
    all.insert(all.end(), statistics.begin(), statistics.end());
    const auto part = broadcast.chunks().part(std::as_bytes(std::span(all)), chunk);
    return {part.begin(), part.end()};
  }

  std::vector<float> parameters{1, 2, 3, 4, 5, 6, 7}, statistics{8, 9};
  ThreadPool pool{2};
  InprocNetwork network{4};
  WeightsBroadcast broadcast{network.endpoint(0), {36, 16}};
  std::vector<std::size_t> order;
};

TEST(WeightsBroadcast, TellsTheDigestOfEachChunk) {
  const Broadcasting server;
  ASSERT_EQ(server.broadcast.digests().size(), 3U);
  for (std::size_t chunk = 0; chunk < 3; ++chunk)
    EXPECT_EQ(server.broadcast.digests()[chunk], digest_of(server.bytes(chunk)));
}

TEST(WeightsBroadcast, PushesAllChunksInOrderToEverybodyItIsToldOf) {
  Broadcasting server;
  server.broadcast.push(std::vector{1, 3});
  for (const int rank : {1, 3}) {
    const auto chunks = server.at(rank);
    ASSERT_EQ(chunks.size(), 3U);
    for (const auto& [chunk, bytes] : chunks) EXPECT_EQ(bytes, server.bytes(chunk));
  }
  EXPECT_THAT(server.order, ElementsAre(0, 1, 2, 0, 1, 2));
  EXPECT_THAT(server.at(2), IsEmpty());
}

TEST(WeightsBroadcast, ServesWhoAsksWithWhatItAsksFor) {
  Broadcasting server;
  const std::vector<std::uint32_t> wanted{2, 1};
  server.broadcast.serve(2, {5, AskReason::kNobodySends, wanted});
  EXPECT_THAT(server.at(2),
              ElementsAre(std::pair(1U, server.bytes(1)), std::pair(2U, server.bytes(2))));
  EXPECT_THAT(server.order, ElementsAre(2, 1));
}

TEST(WeightsBroadcast, HasNoWeightsOfOtherSteps) {
  Broadcasting server;
  const std::vector<std::uint32_t> wanted{0};
  for (const std::uint64_t step : {0U, 4U, 6U})
    server.broadcast.serve(2, {step, AskReason::kNobodySends, wanted});
  EXPECT_THAT(server.at(2), IsEmpty());
}

/// An end of a network over which nothing leaves.
class StuckTransport final : public Transport {
 public:
  int rank() const override { return 0; }
  int size() const override { return 4; }
  void send(int, FrameBytes) override { ++sent; }
  std::optional<ReceivedFrame> receive(std::chrono::milliseconds, std::size_t) override {
    return std::nullopt;
  }
  bool flush(int, std::chrono::milliseconds) override { return false; }
  void shut_out(int) override {}
  const PeerCounters& peer(int) const override { return peer_; }
  const TransportCounters& counters() const override { return counters_; }

  std::size_t sent = 0;

 private:
  TransportCounters counters_;
  PeerCounters peer_;
};

TEST(WeightsBroadcast, SendsNothingMoreToWhoHasNotTakenTheLast) {
  ThreadPool pool(1);
  StuckTransport transport;
  WeightsBroadcast broadcast(transport, {36, 16});
  const std::vector<float> parameters(9);
  broadcast.begin(5, parameters, {}, pool);
  const std::vector<std::uint32_t> wanted{0, 1};
  broadcast.serve(2, {5, AskReason::kNobodySends, wanted});
  EXPECT_EQ(transport.sent, 0U);
}

}  // namespace
}  // namespace detox
