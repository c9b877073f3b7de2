#include "exchange/answer_fetch.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "exchange/answer_digests.hpp"

namespace detox {

namespace {

// Of a step's deadline: what a member may keep others waiting, at the most, and when everybody is
// asked for what is outstanding.
constexpr double kPatienceShare = 1.0 / 6, kEverybodyShare = 2.0 / 3;
constexpr double kTurnsAtOnce = 2;        // that a member's window may last
constexpr std::uint64_t kAskedLast = 64;  // steps, after one in which it did not deliver

}  // namespace

AnswerFetch::AnswerFetch(const Chunks& answer, std::size_t workers, std::size_t slices,
                         const Terms& terms)
    : chunks_(answer),
      slices_(slices),
      pace_(workers, terms.q, terms.least_patience_s),
      owes_since_(workers),
      tasks_(terms.make_tasks(terms.threads)) {
  for (std::size_t thread = 0; thread < terms.threads; ++thread) {
    if (auto compressor = make_compressor(terms.compression))
      unpacking_.push_back({std::move(compressor), std::vector<std::byte>(answer.chunk_bytes)});
  }
}

void AnswerFetch::begin_step(std::uint64_t step, Clock::time_point now, double limit_s) {
  step_ = step;
  begin_ = now;
  limit_s_ = limit_s;
  wait_for_all();
  taken_.clear();
  expected_.clear();
  handed_on_ = 0;
  for (Slice& slice : slices_) {
    slice.fetch.reset();
    slice.members = 0;
    slice.settled = slice.delivered = false;
  }
}

ChunkPatience AnswerFetch::patience() const {
  const double most_s = std::max(pace_.least_s(), kPatienceShare * limit_s_);
  const double turn_s = std::min(pace_.patience_s(), most_s);
  return {turn_s, std::min(kTurnsAtOnce * turn_s, most_s)};
}

/// Who was never heard of comes first: so the pace becomes known of many, not of those alone who
/// are quick to answer. Whoever did not deliver gets another chance some time.
ChunkFetch::Standing AnswerFetch::standing_of(std::uint32_t worker) const {
  if (owes_since_[worker] > 0 && step_ - owes_since_[worker] < kAskedLast)
    return ChunkFetch::Standing::kOwes;
  if (!pace_.is_known(worker)) return ChunkFetch::Standing::kNew;
  return pace_.is_slow(worker) ? ChunkFetch::Standing::kSlow : ChunkFetch::Standing::kUsual;
}

void AnswerFetch::follow(const StepVotes& votes) {
  for (std::uint32_t index = 0; index < slices_.size(); ++index) {
    Slice& slice = slices_[index];
    if (slice.settled) continue;
    const auto majority = votes.majority(index);
    if (!majority) continue;
    if (!slice.fetch) {
      slice.fetch.emplace(chunks_.count());
      slice.digests = majority->bytes;
      if (slice.answer.size() == 0) slice.answer = AlignedBuffer(chunks_.bytes);
    }
    for (; slice.members < majority->workers.size(); ++slice.members) {
      const std::uint32_t worker = majority->workers[slice.members];
      slice.fetch->add_member(worker, standing_of(worker));
    }
  }
}

void AnswerFetch::ask(Clock::time_point now, const Send& send) {
  const bool of_everybody =
      std::chrono::duration<double>(now - begin_).count() > kEverybodyShare * limit_s_;
  for (std::uint32_t index = 0; index < slices_.size(); ++index) {
    if (!is_fetching(index)) continue;
    for (const ChunkFetch::Ask& ask : slices_[index].fetch->ask(now, patience(), of_everybody)) {
      std::span<const std::uint32_t> left = ask.chunks;
      for (; !left.empty(); left = left.subspan(std::min(left.size(), kMaxRequested)))
        send(ask.worker,
             make_request(step_, index, left.first(std::min(left.size(), kMaxRequested))));
    }
  }
}

bool AnswerFetch::take(std::uint32_t worker, ReceivedFrame frame, const ChunkView& chunk) {
  if (chunk.step != step_ || chunk.slice >= slices_.size()) return false;
  if (chunk.packed && unpacking_.empty()) return false;
  const Slice& slice = slices_[chunk.slice];
  if (!slice.fetch || !slice.fetch->is_expected(worker, chunk.chunk)) return false;
  const bool deferred = std::ranges::any_of(taken_, [&](const Taken& other) {
    return other.slice == chunk.slice && other.chunk == chunk.chunk;
  });
  Taken& taken = taken_.emplace_back();
  taken.worker = worker;
  taken.slice = chunk.slice;
  taken.chunk = chunk.chunk;
  taken.frame = std::move(frame);
  taken.bytes = chunk.bytes;  // they do not move with the frame
  taken.packed = chunk.packed;
  taken.deferred = deferred;
  if (!deferred) start_check(taken);
  return true;
}

/// One check of a chunk at a time, and what is here already is not written to again: two members
/// who send the same chunk do not race.
void AnswerFetch::start_check(Taken& taken) {
  const Slice& slice = slices_[taken.slice];
  const bool writes = !slice.settled && !slice.fetch->is_here(taken.chunk);
  taken.deferred = false;
  tasks_->add([this, &taken, writes](std::size_t thread) { check_one(taken, writes, thread); });
}

void AnswerFetch::check_one(Taken& taken, bool writes, std::size_t thread) {
  Slice& slice = slices_[taken.slice];
  bool unpacked = true;
  if (taken.packed) {
    const auto chunk = std::span(unpacking_[thread].chunk).first(chunks_.size(taken.chunk));
    unpacked = unpacking_[thread].compressor->unpack(taken.bytes, chunk);
    taken.bytes = chunk;
  }
  taken.as_promised = unpacked && is_as_promised(slice.digests, taken.chunk, taken.bytes);
  if (taken.as_promised && writes) {
    const auto place = chunks_.part(slice.answer.bytes(), taken.chunk);
    std::memcpy(place.data(), taken.bytes.data(), place.size());
  }
  taken.is_checked.store(true, std::memory_order_release);
}

void AnswerFetch::wait_for_one() {
  const std::size_t unfinished = tasks_->unfinished();
  if (unfinished > 0) tasks_->wait_until_at_most(unfinished - 1);
}

/// Whether it is news: what comes again is none.
bool AnswerFetch::book(const Taken& taken, Clock::time_point now, StepVotes& votes) {
  Slice& slice = slices_[taken.slice];
  if (!slice.fetch->is_expected(taken.worker, taken.chunk)) return false;
  if (!taken.as_promised) {
    votes.note(taken.worker, Suspicion::kBadChunk);
    slice.fetch->strike_out(taken.worker);
    return false;
  }
  const bool is_news = !slice.fetch->is_here(taken.chunk);
  pace_.add(taken.worker, slice.fetch->arrived(taken.worker, taken.chunk, now));
  return is_news;
}

bool AnswerFetch::book_checked(Clock::time_point now, StepVotes& votes) {
  bool useful = false;
  for (auto it = taken_.begin(); it != taken_.end();) {
    if (!it->is_checked.load(std::memory_order_acquire)) {
      ++it;
      continue;
    }
    useful = book(*it, now, votes) || useful;
    const auto next = std::ranges::find_if(taken_, [&](const Taken& other) {
      return other.deferred && other.slice == it->slice && other.chunk == it->chunk;
    });
    if (next != taken_.end()) start_check(*next);
    it = taken_.erase(it);
  }
  return useful;
}

bool AnswerFetch::check(Clock::time_point now, StepVotes& votes) {
  const bool useful = book_checked(now, votes);
  for (std::uint32_t index = 0; index < slices_.size(); ++index) {
    if (!is_fetching(index)) continue;
    const ChunkFetch& fetch = *slices_[index].fetch;
    if (fetch.is_complete()) {
      settle(index, votes, true);
    } else if (fetch.is_hopeless([&](std::uint32_t worker) { return owes_since_[worker] > 0; }) &&
               !votes.is_open(index)) {
      settle(index, votes, false);
    }
  }
  return useful;
}

void AnswerFetch::hand_on_columns(const StepVotes& votes,
                                  const std::function<void(const ReadyColumns&)>& on_columns) {
  std::vector<std::uint32_t> slices;
  for (std::uint32_t index = 0; index < slices_.size(); ++index) {
    if (votes.is_open(index)) return;
    const Slice& slice = slices_[index];
    if (!slice.fetch && votes.majority(index)) return;  // follow() takes it up
    if (slice.fetch && (slice.fetch->is_complete() || !slice.settled)) slices.push_back(index);
  }
  if (handed_on_ > 0 && slices != expected_) return;  // one has dropped out: it is in vain
  std::size_t here = handed_on_;
  while (
      here < chunks_.count() && !slices.empty() &&
      std::ranges::all_of(slices, [&](std::uint32_t i) { return slices_[i].fetch->is_here(here); }))
    ++here;
  if (here == handed_on_) return;
  std::vector<const std::byte*> answers;
  answers.reserve(slices.size());
  for (const std::uint32_t index : slices) answers.push_back(slices_[index].answer.bytes().data());
  on_columns({chunks_.begin(handed_on_), chunks_.begin(here - 1) + chunks_.size(here - 1), slices,
              answers});
  handed_on_ = here;
  expected_ = std::move(slices);
}

void AnswerFetch::settle(std::uint32_t index, StepVotes& votes, bool delivered) {
  Slice& slice = slices_[index];
  slice.settled = true;
  slice.delivered = delivered;
  if (delivered) return votes.settle(index, std::span<const std::byte>(slice.answer.bytes()));
  votes.settle(index, std::nullopt);
}

bool AnswerFetch::is_fetching() const {
  for (std::uint32_t slice = 0; slice < slices_.size(); ++slice) {
    if (is_fetching(slice)) return true;
  }
  return false;
}

void AnswerFetch::end_step(Clock::time_point now, StepVotes& votes) {
  while (!taken_.empty()) {  // what has come is not owed
    wait_for_all();
    book_checked(now, votes);
  }
  for (std::uint32_t index = 0; index < slices_.size(); ++index) {
    if (is_fetching(index)) settle(index, votes, false);
    const Slice& slice = slices_[index];
    if (!slice.fetch) continue;
    for (const std::uint32_t worker : slice.fetch->overdue()) {
      votes.note(worker, Suspicion::kUndelivered);
      owes_since_[worker] = step_;
    }
    if (!slice.delivered) continue;
    for (const std::uint32_t worker : slice.fetch->reliable()) owes_since_[worker] = 0;
  }
}

}  // namespace detox
