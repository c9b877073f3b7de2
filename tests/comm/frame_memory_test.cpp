#include <gtest/gtest.h>

#include <thread>

#include "comm/chunks.hpp"
#include "comm/frame.hpp"

namespace detox {
namespace {

TEST(FrameMemory, OfAChunkIsUsedAgain) {
#ifdef DETOX_SANITIZES_ADDRESS
  GTEST_SKIP() << "under the address sanitizer memory is given back at once";
#endif
  const std::size_t frame = kFrameHeaderBytes + kChunkBytes;
  void* first = FrameMemory::take(frame);
  FrameMemory::give_back(first, frame);
  // The last chunk of an answer is shorter, and fits as well.
  void* second = FrameMemory::take(frame - 1000);
  EXPECT_EQ(second, first);
  FrameMemory::give_back(second, frame - 1000);
}

TEST(FrameMemory, IsWritableOverItsWholeLength) {
  for (const std::size_t bytes : {std::size_t{1}, kChunkBytes / 2, kChunkBytes / 2 + 1, kChunkBytes,
                                  kChunkBytes + 4096, kChunkBytes + 4097, 20 * kChunkBytes}) {
    FrameBuffer buffer(bytes, std::byte{7});
    EXPECT_EQ(buffer.front(), std::byte{7});
    EXPECT_EQ(buffer.back(), std::byte{7});
  }
}

TEST(FrameMemory, IsSharedByThreadsWithoutMixingFrames) {
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    threads.emplace_back([&, i] {
      for (int turn = 0; turn < 200; ++turn) {
        const FrameBuffer mine(kChunkBytes, static_cast<std::byte>(i));
        std::this_thread::yield();
        if (mine.front() != static_cast<std::byte>(i) || mine.back() != static_cast<std::byte>(i))
          ++wrong[i];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4));
}

TEST(FrameMemory, KeepsNoMoreThanItMay) {
  std::vector<FrameBuffer> many;
  const std::size_t more_than_kept = FrameMemory::kMostKept / kChunkBytes + 20;
  many.reserve(more_than_kept);
  for (std::size_t i = 0; i < more_than_kept; ++i) many.emplace_back(kChunkBytes, std::byte{1});
  many.clear();  // the sanitizers look whether what is not kept is given back
  const FrameBuffer again(kChunkBytes, std::byte{2});
  EXPECT_EQ(again.back(), std::byte{2});
}

}  // namespace
}  // namespace detox
