// Run under mpirun, all ranks the same test, one test a job (CMakeLists.txt): nothing collective,
// so nothing between two tests would keep their messages apart. A rank on which an expectation
// fails ends with 1, and with it the job.
#include "comm/mpi/mpi_transport.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>

#include "comm/mpi/hostile_messages.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::size_t kThreeGiB = MessageFlood::kThreeGiB;
MpiSession* session = nullptr;
int exit_code = 0;  ///< of a rank on which no expectation fails

FrameBytes pattern(std::size_t size, int seed) {
  FrameBuffer bytes(size, std::byte{0});
  for (std::size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<std::byte>(i * 31 + i / 257 + static_cast<std::size_t>(seed));
  }
  return std::make_shared<const FrameBuffer>(std::move(bytes));
}

/// Memory of this process, pages that are mapped more than once counted once.
long kilobytes_held() {
  std::ifstream file("/proc/self/smaps_rollup");
  for (std::string word; file >> word;) {
    long kilobytes = 0;
    if (word == "Pss:" && file >> kilobytes) return kilobytes;
  }
  ADD_FAILURE() << "no Pss in smaps_rollup";
  return 0;
}

/// What each of the ranks waits for at most. No job needs so long; it only ends one that hangs.
constexpr seconds kPatience{200};

/// Lets other ranks wait for rank 0 without a word over MPI.
class Gate {
 public:
  ~Gate() {
    if (session->rank() == 0) std::filesystem::remove(file_);
  }
  void open() const { std::ofstream(file_).close(); }
  void wait() const {
    const auto limit = steady_clock::now() + kPatience;
    while (!std::filesystem::exists(file_) && steady_clock::now() < limit)
      std::this_thread::sleep_for(milliseconds(10));
  }

 private:
  /// All ranks are children of one mpirun.
  std::string file_ = testing::TempDir() + "mpi_transport_test_" + std::to_string(getppid());
};

/// Sends back whatever comes, until a frame of one byte.
void echo(Transport& transport) {
  for (;;) {
    auto frame = transport.receive(kPatience, 64 * kMiB);
    ASSERT_TRUE(frame.has_value());
    if (frame->bytes.size() == 1) break;
    transport.send(0, std::make_shared<const FrameBuffer>(std::move(frame->bytes)));
  }
  EXPECT_TRUE(transport.flush(-1, kPatience));
}

void stop_all(Transport& transport) {
  for (int rank = 1; rank < transport.size(); ++rank) transport.send(rank, pattern(1, 0));
  EXPECT_TRUE(transport.flush(-1, kPatience));
}

/// One frame to every worker and back, `rounds` times.
void exchange(Transport& server, std::size_t size, int rounds) {
  const auto start = steady_clock::now();
  for (int round = 0; round < rounds; ++round) {
    const FrameBytes frame = pattern(size, round);
    for (int rank = 1; rank < server.size(); ++rank) server.send(rank, frame);
    std::map<int, int> answers;
    for (int rank = 1; rank < server.size(); ++rank) {
      const auto answer = server.receive(kPatience, size);
      ASSERT_TRUE(answer.has_value());
      EXPECT_EQ(answer->bytes, *frame);
      ++answers[answer->from];
    }
    EXPECT_EQ(answers.size(), static_cast<std::size_t>(server.size() - 1));
  }
  const std::chrono::duration<double, std::milli> spent = steady_clock::now() - start;
  std::printf("%zu bytes, %d ranks: %.3f ms a round\n", size, server.size(),
              spent.count() / rounds);
}

TEST(MpiTransport, CarriesLargeFramesThereAndBack) {
  MpiTransport transport(*session);
  if (transport.rank() != 0) return echo(transport);
  exchange(transport, 20'000'000, 3);
  stop_all(transport);
}

TEST(MpiTransport, CarriesManySmallFrames) {
  MpiTransport transport(*session);
  if (transport.rank() != 0) return echo(transport);
  exchange(transport, 100, 500);
  EXPECT_EQ(transport.counters().frames_sent, 500U * static_cast<unsigned>(transport.size() - 1));
  EXPECT_EQ(transport.counters().bytes_received, 100 * transport.counters().frames_received);
  stop_all(transport);
}

TEST(MpiTransport, KeepsTheOrderOfEachSender) {
  MpiTransport transport(*session);
  constexpr int kFrames = 200;
  if (transport.rank() != 0) {  // small and large ones take different ways through MPI
    for (int i = 0; i < kFrames; ++i) transport.send(0, pattern(i % 7 == 0 ? 300'000 : 10, i));
    EXPECT_TRUE(transport.flush(0, kPatience));
    return;
  }
  std::map<int, int> next;
  for (int i = 0; i < kFrames * (transport.size() - 1); ++i) {
    const auto frame = transport.receive(kPatience, kMiB);
    ASSERT_TRUE(frame.has_value());
    const int expected = next[frame->from]++;
    ASSERT_EQ(frame->bytes[0], static_cast<std::byte>(expected));
  }
}

TEST(MpiTransport, WaitsTheTimeoutForASilentPeer) {
  MpiTransport transport(*session);
  if (transport.rank() != 0) return echo(transport);
  for (const auto timeout : {milliseconds(0), milliseconds(1), milliseconds(300)}) {
    const auto start = steady_clock::now();
    EXPECT_FALSE(transport.receive(timeout, kMiB).has_value());
    const auto waited = steady_clock::now() - start;
    EXPECT_GE(waited, timeout);
    EXPECT_LT(waited, kPatience / 2);  // not for ever
  }
  stop_all(transport);
}

TEST(MpiTransport, TellsThatAPeerTakesNothingIn) {
  MpiTransport transport(*session);
  const Gate gate;
  if (transport.rank() != 0) {
    gate.wait();
    return echo(transport);
  }
  const FrameBytes frame = pattern(5'000'000, 1);
  for (int rank = 1; rank < transport.size(); ++rank) transport.send(rank, frame);
  EXPECT_FALSE(transport.flush(1, milliseconds(100)));
  gate.open();
  EXPECT_TRUE(transport.flush(-1, kPatience));
  for (int rank = 1; rank < transport.size(); ++rank) {
    const auto answer = transport.receive(kPatience, 5'000'000);
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->bytes, *frame);
  }
  stop_all(transport);
}

/// Exchanges frames with all ranks but the first worker, who floods meanwhile, until `enough`.
template <class Enough>
void exchange_with_others(Transport& server, Enough enough) {
  const auto give_up = steady_clock::now() + kPatience;
  const FrameBytes frame = pattern(1000, 1);
  while (!enough()) {
    ASSERT_LT(steady_clock::now(), give_up);
    for (int rank = 2; rank < server.size(); ++rank) server.send(rank, frame);
    for (int rank = 2; rank < server.size(); ++rank) {
      const auto answer = server.receive(kPatience, 1000);
      ASSERT_TRUE(answer.has_value());
      EXPECT_EQ(answer->bytes, *frame);
      EXPECT_NE(answer->from, 1);
    }
  }
  stop_all(server);
}

/// Of messages as they leave, until the server says that it is over: it is a frame of one byte.
void flood(Transport& transport, int tag, std::size_t bytes) {
  MessageFlood messages(0, tag, bytes, 512);
  while (!transport.receive(milliseconds(0), kMiB)) messages.send(512);
}

TEST(MpiTransport, ShutsOutWhoSendsAFrameAboveTheLimit) {
  MpiTransport transport(*session);
  constexpr std::size_t kLimit = 1000;
  if (transport.rank() != 0) {
    transport.send(0, pattern(kLimit, 1));
    EXPECT_TRUE(transport.receive(kPatience, kLimit).has_value());  // it has come
    transport.send(0, pattern(kLimit + 1, 2));
    transport.send(0, pattern(kLimit, 3));
    EXPECT_TRUE(transport.receive(kPatience, kLimit).has_value());  // it is over
    return;
  }
  for (int rank = 1; rank < transport.size(); ++rank) {
    const auto frame = transport.receive(kPatience, kLimit);
    ASSERT_TRUE(frame.has_value());
    EXPECT_EQ(frame->bytes, *pattern(kLimit, 1));
  }
  stop_all(transport);
  const auto give_up = steady_clock::now() + kPatience;
  for (int rank = 1; rank < transport.size(); ++rank) {
    while (transport.peer(rank).offered < 2 && steady_clock::now() < give_up)
      EXPECT_FALSE(transport.receive(milliseconds(1), kLimit).has_value());
    EXPECT_EQ(transport.peer(rank).offered, 2U);
    EXPECT_EQ(transport.peer(rank).oversized, 1U);
    EXPECT_TRUE(transport.peer(rank).shut_out);
  }
  stop_all(transport);
}

TEST(MpiTransport, ShutsOutWhoSendsWhatIsTooLongToBeCounted) {
  MpiTransport transport(*session);
  if (transport.rank() == 1) return flood(transport, MessageFlood::kFrameTag, kThreeGiB);
  if (transport.rank() != 0) return echo(transport);
  exchange_with_others(transport, [&] { return transport.peer(1).oversized >= 10; });
  EXPECT_TRUE(transport.peer(1).shut_out);
  EXPECT_EQ(transport.peer(1).offered, 0U);
}

TEST(MpiTransport, ShutsOutWhoSendsUnderAnotherTagAndHoldsNothingOfIt) {
  MpiTransport transport(*session);
  if (transport.rank() == 1) return flood(transport, 77, 64);
  if (transport.rank() != 0) return echo(transport);
  long before = 0;
  exchange_with_others(transport, [&] {
    if (before == 0 && transport.peer(1).stray >= 20'000) before = kilobytes_held();
    return transport.peer(1).stray >= 120'000;
  });
  EXPECT_TRUE(transport.peer(1).shut_out);
  EXPECT_LT(kilobytes_held(), before + 20'000);
}

TEST(MpiTransport, ThrowsAwayWhatComesOfARankThatIsShutOut) {
  MpiTransport transport(*session);
  if (transport.rank() == 1) return flood(transport, MessageFlood::kFrameTag, 500);
  if (transport.rank() != 0) return echo(transport);
  transport.shut_out(1);
  long before = 0;
  exchange_with_others(transport, [&] {
    if (before == 0 && transport.peer(1).offered >= 20'000) before = kilobytes_held();
    return transport.peer(1).offered >= 120'000;
  });
  EXPECT_LT(kilobytes_held(), before + 20'000);
}

TEST(MpiTransport, LetsASenderThatStopsInTheMiddleDelayNobodyElse) {
  MpiTransport transport(*session);
  const Gate gate;
  if (transport.rank() == 1) {  // offers a large frame and then does nothing for MPI
    transport.send(0, pattern(20'000'000, 1));
    gate.wait();
    return echo(transport);
  }
  if (transport.rank() != 0) return echo(transport);
  const FrameBytes frame = pattern(1'000'000, 2);
  for (int rank = 2; rank < transport.size(); ++rank) transport.send(rank, frame);
  for (int rank = 2; rank < transport.size(); ++rank) {
    const auto answer = transport.receive(kPatience, 20'000'000);
    ASSERT_TRUE(answer.has_value());
    EXPECT_NE(answer->from, 1);
  }
  gate.open();
  const auto late = transport.receive(kPatience, 20'000'000);
  ASSERT_TRUE(late.has_value());
  EXPECT_EQ(late->from, 1);
  EXPECT_EQ(late->bytes, *pattern(20'000'000, 1));
  stop_all(transport);
}

TEST(MpiTransport, RefusesToSendAFrameAboveItsOwnLimit) {
  MpiTransport transport(*session, 1000);
  if (transport.rank() != 0) return echo(transport);
  EXPECT_THROW(transport.send(1, pattern(1001, 1)), InputError);
  exchange(transport, 1000, 1);
  stop_all(transport);
}

/// Expected to end the job: the last rank leaves with 7, and the others wait for it.
TEST(MpiJob, EndsAsAWholeWhenARankLeaves) {
  MpiTransport transport(*session);
  if (transport.rank() == transport.size() - 1) leave_without_finalize(7);
  EXPECT_FALSE(transport.receive(kPatience, kMiB).has_value());
}

/// The last rank never comes to MPI_Finalize.
TEST(MpiJob, EndsWellThoughARankNeverFinalizes) {
  if (session->rank() == session->size() - 1) std::this_thread::sleep_for(2 * kPatience);
}

/// The server still takes frames in when the first worker is at its end.
TEST(MpiJob, EndsWellThoughARankComesToItsEndBeforeItsServer) {
  MpiTransport transport(*session);
  if (transport.rank() == 1) return;
  if (transport.rank() != 0) return echo(transport);
  EXPECT_FALSE(transport.receive(milliseconds(500), kMiB).has_value());
  EXPECT_EQ(transport.peer(1).stray, 0U);
  EXPECT_FALSE(transport.peer(1).shut_out);
  stop_all(transport);
}

TEST(MpiJob, KeepsItsExitCodeThoughARankNeverFinalizes) {
  if (session->rank() == session->size() - 1) std::this_thread::sleep_for(2 * kPatience);
  exit_code = 3;
}

}  // namespace
}  // namespace detox

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const std::string filter = testing::GTEST_FLAG(filter);
  const bool short_wait = filter.find("NeverFinalizes") != std::string::npos ||
                          filter.find("ShutsOut") != std::string::npos ||
                          filter.find("ShutOut") != std::string::npos;
  detox::MpiSession session(short_wait ? 3 : detox::kFinalizeSeconds);
  detox::session = &session;
  if (session.rank() != 0) {
    delete testing::UnitTest::GetInstance()->listeners().Release(
        testing::UnitTest::GetInstance()->listeners().default_result_printer());
  }
  const int code = RUN_ALL_TESTS();
  if (code != 0) detox::leave_without_finalize(code);
  detox::MpiSession::exits_with(detox::exit_code);
  return detox::exit_code;
}
