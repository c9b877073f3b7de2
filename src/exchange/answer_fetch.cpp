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

bool is_past(Clock::time_point begin, double limit_s, Clock::time_point now) {
  return begin < now && std::chrono::duration<double>(now - begin).count() > limit_s;
}

}  // namespace

AnswerFetch::AnswerFetch(const Chunks& answer, std::size_t workers, std::size_t slices,
                         const Terms& terms)
    : chunks_(answer),
      slices_(slices),
      here_(answer.count()),
      pace_(workers, terms.q, terms.least_patience_s),
      owes_since_(workers),
      tasks_(terms.make_tasks(terms.threads)) {
  for (std::size_t thread = 0; thread < terms.threads; ++thread) {
    if (auto compressor = make_compressor(terms.compression))
      unpacking_.push_back({std::move(compressor), std::vector<std::byte>(answer.chunk_bytes)});
  }
}

void AnswerFetch::begin_step(std::uint64_t step, Clock::time_point now, double limit_s,
                             StepVotes& votes) {
  votes_ = &votes;
  step_ = step;
  begin_ = now;
  limit_s_ = limit_s;
  wait_for_all();
  taken_.clear();
  touched_.clear();
  turns_ = windows_ = {};
  of_everybody_ = false;
  fetched_ = settled_ = given_up_ = 0;
  first_open_ = 0;
  std::ranges::fill(here_, 0);
  expected_ = handed_on_ = 0;
  others_are_elsewhere_ = false;
  for (Slice& slice : slices_) {
    slice.fetch.reset();
    slice.is_touched = slice.is_settled = false;
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

void AnswerFetch::note_overdue(std::uint32_t index) {
  for (const std::uint32_t worker : slices_[index].fetch->overdue()) {
    votes_->note({worker, index}, Suspicion::kUndelivered);
    owes_since_[worker] = step_;
  }
}

/// What was under way may be a lie: an arbiter has to decide.
void AnswerFetch::drop(std::uint32_t index) {
  Slice& slice = slices_[index];
  if (!slice.fetch || slice.is_settled) return;
  wait_for_all();
  std::erase_if(taken_, [index](const Taken& one) { return one.slice == index; });
  for (std::size_t chunk = 0; chunk < here_.size(); ++chunk)
    here_[chunk] -= slice.fetch->is_here(chunk) ? 1 : 0;
  note_overdue(index);
  slice.fetch.reset();
  --fetched_;
  others_are_elsewhere_ = true;
}

void AnswerFetch::follow(std::uint32_t index) {
  if (votes_->state(index) != SliceState::kMajority) return drop(index);
  const auto majority = votes_->majority(index);
  Slice& slice = slices_[index];
  if (!slice.fetch) {
    slice.fetch.emplace(chunks_.count());
    slice.digests = majority->bytes;
    if (slice.answer.size() == 0) slice.answer = AlignedBuffer(chunks_.bytes);
    ++fetched_;
  }
  while (slice.fetch->members() < majority->workers.size()) {
    const std::uint32_t worker = majority->workers[slice.fetch->members()];
    slice.fetch->add_member(worker, standing_of(worker));
  }
  touch(index);
}

void AnswerFetch::touch(std::uint32_t index) {
  if (!std::exchange(slices_[index].is_touched, true)) touched_.push_back(index);
}

void AnswerFetch::touch_late(Queue& queue, double limit_s, Clock::time_point now) {
  for (; !queue.empty() && is_past(queue.top().first, limit_s, now); queue.pop())
    touch(queue.top().second);
}

void AnswerFetch::touch_all() {
  for (std::uint32_t index = 0; index < slices_.size(); ++index) touch(index);
}

void AnswerFetch::ask(Clock::time_point now, const Send& send) {
  const bool of_everybody = is_past(begin_, kEverybodyShare * limit_s_, now);
  if (std::exchange(of_everybody_, of_everybody) != of_everybody) touch_all();
  const auto [turn_s, whole_s] = patience();
  touch_late(turns_, turn_s, now);
  touch_late(windows_, whole_s, now);
  const std::size_t count = touched_.size();
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t index = touched_[i];
    slices_[index].is_touched = false;
    if (is_under_way(index)) ask_for(index, now, send);
  }
  touched_.erase(touched_.begin(), touched_.begin() + static_cast<std::ptrdiff_t>(count));
}

void AnswerFetch::ask_for(std::uint32_t index, Clock::time_point now, const Send& send) {
  ChunkFetch& fetch = *slices_[index].fetch;
  for (const ChunkFetch::Ask& ask : fetch.ask(now, patience(), of_everybody_)) {
    std::span<const std::uint32_t> left = ask.chunks;
    for (; !left.empty(); left = left.subspan(std::min(left.size(), kMaxRequested)))
      send(ask.worker,
           make_request(step_, index, left.first(std::min(left.size(), kMaxRequested))));
  }
  if (const auto since = fetch.waiting_since()) {
    turns_.emplace(since->turn, index);
    windows_.emplace(since->whole, index);
  }
  if (fetch.is_stuck()) touch(index);  // for check()
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
  const bool writes = is_under_way(taken.slice) && !slice.fetch->is_here(taken.chunk);
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
bool AnswerFetch::book(const Taken& taken, Clock::time_point now) {
  Slice& slice = slices_[taken.slice];
  if (!slice.fetch->is_expected(taken.worker, taken.chunk)) return false;
  touch(taken.slice);
  if (!taken.as_promised) {
    votes_->note({taken.worker, taken.slice}, Suspicion::kBadChunk);
    slice.fetch->strike_out(taken.worker);
    return false;
  }
  const bool is_news = !slice.fetch->is_here(taken.chunk);
  if (is_news && is_under_way(taken.slice)) ++here_[taken.chunk];
  pace_.add(taken.worker, slice.fetch->arrived(taken.worker, taken.chunk, now));
  return is_news;
}

bool AnswerFetch::book_checked(Clock::time_point now) {
  bool useful = false;
  for (auto it = taken_.begin(); it != taken_.end();) {
    if (!it->is_checked.load(std::memory_order_acquire)) {
      ++it;
      continue;
    }
    useful = book(*it, now) || useful;
    const auto next = std::ranges::find_if(taken_, [&](const Taken& other) {
      return other.deferred && other.slice == it->slice && other.chunk == it->chunk;
    });
    if (next != taken_.end()) start_check(*next);
    it = taken_.erase(it);
  }
  return useful;
}

bool AnswerFetch::is_hopeless(const ChunkFetch& fetch) const {
  return fetch.is_hopeless([this](std::uint32_t worker) { return owes_since_[worker] > 0; });
}

bool AnswerFetch::check(Clock::time_point now) {
  const bool useful = book_checked(now);
  for (const std::uint32_t index : touched_) {
    if (!is_under_way(index)) continue;
    const ChunkFetch& fetch = *slices_[index].fetch;
    if (fetch.is_complete()) {
      settle(index, true);
    } else if (fetch.is_stuck() && votes_->ask_another(index)) {
      continue;
    } else if (is_hopeless(fetch)) {
      settle(index, false);
    }
  }
  return useful;
}

void AnswerFetch::settle(std::uint32_t index, bool delivered) {
  Slice& slice = slices_[index];
  slice.is_settled = true;
  ++settled_;
  if (delivered) return votes_->settle(index, std::span<const std::byte>(slice.answer.bytes()));
  ++given_up_;
  for (std::size_t chunk = 0; chunk < here_.size(); ++chunk)
    here_[chunk] -= slice.fetch->is_here(chunk) ? 1 : 0;
  votes_->settle(index, std::nullopt);
}

void AnswerFetch::hand_on_columns(const std::function<void(const ReadyColumns&)>& on_columns) {
  if (others_are_elsewhere_) {
    // Some of what was handed on may be of an answer that another one has replaced.
    if (std::exchange(handed_on_, 0) > 0) on_columns({0, 0, {}, {}});
    return;
  }
  while (first_open_ < slices_.size() && votes_->state(first_open_) != SliceState::kOpen)
    ++first_open_;
  const std::size_t expected = fetched_ - given_up_;
  if (first_open_ < slices_.size() || expected == 0) return;
  if (handed_on_ > 0 && expected != expected_) return;  // one has dropped out: it is in vain
  std::size_t here = handed_on_;
  while (here < chunks_.count() && here_[here] == expected) ++here;
  if (here == handed_on_) return;
  std::vector<std::uint32_t> slices;
  std::vector<const std::byte*> answers;
  for (std::uint32_t index = 0; index < slices_.size(); ++index) {
    if (votes_->state(index) == SliceState::kGivenUp) continue;
    slices.push_back(index);
    answers.push_back(slices_[index].answer.bytes().data());
  }
  on_columns({chunks_.begin(handed_on_), chunks_.begin(here - 1) + chunks_.size(here - 1), slices,
              answers});
  handed_on_ = here;
  expected_ = expected;
}

void AnswerFetch::end_step(Clock::time_point now) {
  while (!taken_.empty()) {  // what has come is not owed
    wait_for_all();
    book_checked(now);
  }
  for (std::uint32_t index = 0; index < slices_.size(); ++index) {
    if (is_under_way(index)) settle(index, false);
    const Slice& slice = slices_[index];
    if (!slice.fetch) continue;
    note_overdue(index);
    if (votes_->state(index) != SliceState::kHere) continue;
    for (const std::uint32_t worker : slice.fetch->reliable()) owes_since_[worker] = 0;
  }
}

}  // namespace detox
