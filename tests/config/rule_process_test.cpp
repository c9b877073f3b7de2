// Rules and attacks that another process answers for: a thread plays it here, well or badly.
#include "config/rule_process.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/file.hpp"
#include "base/json_field.hpp"
#include "config/own_attack.hpp"
#include "config/refusal.hpp"
#include "config/rule_file.hpp"
#include "support/temporary_directory.hpp"

namespace detox {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kDigest(64, 'd');

json hello() {
  return {{"name", "mine"}, {"slope", 2}, {"offset", 1}, {"source", kDigest}, {"patience", 60}};
}

struct Message {
  std::string text;
  FileDescriptor file;
};

/// Nothing where the other side is gone, and once stop is true.
std::optional<Message> received(int fd, const std::atomic<bool>& stop) {
  for (pollfd one{fd, POLLIN, 0}; ::poll(&one, 1, 10) <= 0;) {
    if (stop) return std::nullopt;
  }
  std::array<char, 4096> text{};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
  iovec part{text.data(), text.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t size = ::recvmsg(fd, &message, 0);
  if (size <= 0) return std::nullopt;
  Message made{{text.data(), static_cast<std::size_t>(size)}, {}};
  if (const cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr) {
    int file = -1;
    std::memcpy(&file, CMSG_DATA(header), sizeof file);
    made.file = FileDescriptor(file);
  }
  return made;
}

/// The memory of a call, while it is answered.
class Values {
 public:
  Values(int fd, std::size_t size)
      : size_(size), place_(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) {}
  ~Values() { ::munmap(place_, size_); }
  Values(const Values&) = delete;
  Values& operator=(const Values&) = delete;
  float& operator[](std::size_t i) { return static_cast<float*>(place_)[i]; }

 private:
  std::size_t size_;
  void* place_;
};

/// Answers one connection: the first message by `first`, calls by `answer`, whose empty text ends
/// the connection.
class Process {
 public:
  using Answer = std::function<std::string(const json& call, Values& values)>;

  explicit Process(std::string first = hello().dump(), Answer answer = {}, uid_t user = ::geteuid())
      : socket_((directory_ / "mine").string()),
        listener_(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket_.c_str(), socket_.size() + 1);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);
    const uid_t own = ::geteuid();
    EXPECT_EQ(::seteuid(user), 0);
    EXPECT_EQ(::listen(listener_.get(), 1), 0);
    EXPECT_EQ(::seteuid(own), 0);
    thread_ = std::thread(
        [this, first = std::move(first), answer = std::move(answer)] { serve(first, answer); });
  }
  ~Process() {
    stop_ = true;
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  const std::string& socket() const { return socket_; }
  const std::vector<json>& calls() const { return calls_; }

 private:
  void serve(const std::string& first, const Answer& answer) {
    const FileDescriptor connection(::accept(listener_.get(), nullptr, nullptr));
    if (!connection.is_open()) return;
    const auto said = received(connection.get(), stop_);
    if (!said) return;
    EXPECT_EQ(said->text, json::parse(first, nullptr, false).contains("same") ? "detoxml attack 1"
                                                                              : "detoxml rule 1");
    if (first.empty() || !sent(connection, first)) return;
    FileDescriptor file;
    std::size_t size = 0;
    while (auto message = received(connection.get(), stop_)) {
      calls_.push_back(json::parse(message->text));
      if (message->file.is_open()) {
        file = std::move(message->file);
        size = calls_.back().at("memory").get<std::size_t>();
      }
      Values values(file.get(), size);
      const std::string text = answer(calls_.back(), values);
      if (text.empty() || !sent(connection, text)) return;
    }
  }
  static bool sent(const FileDescriptor& connection, const std::string& text) {
    return ::send(connection.get(), text.data(), text.size(), MSG_NOSIGNAL) >= 0;
  }

  const TemporaryDirectory directory_;
  std::string socket_;
  FileDescriptor listener_;
  std::vector<json> calls_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

/// The first row, doubled.
std::string first_doubled(const json& call, Values& values) {
  const std::size_t n = call.at("n"), d = call.at("d");
  for (std::size_t i = 0; i < d; ++i) values[n * d + i] = 2 * values[i];
  return "{}";
}

std::vector<float> reduced(const RuleInfo& rule, std::size_t d, const RuleOptions& options = {}) {
  const std::vector<float> one(d, 1), two(d, 2), three(d, 3);
  const std::vector<const float*> rows{one.data(), two.data(), three.data()};
  ThreadPool pool(1);
  Workspace workspace;
  AggregationContext context{pool, workspace, 7};
  std::vector<float> out(d);
  rule.make(options)->aggregate(Rows<float>{rows, d}, out, context);
  return out;
}

TEST(RuleProcess, OfAnotherUserIsNotAsked) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can be another user";
  constexpr uid_t kNobody = 65534;
  const Process process(hello().dump(), first_doubled, kNobody);
  EXPECT_EQ(refusal([&] { rule_of(process.socket()); }),
            "rule " + process.socket() + ": another user's process answers there");
}

TEST(RuleProcess, IsARuleLikeOurs) {
  const Process process(hello().dump(), first_doubled);
  const RuleInfo& rule = rule_of(process.socket());
  EXPECT_EQ(rule.name, "mine");
  EXPECT_EQ(rule.requirement, "n >= 2f + 1");
  EXPECT_EQ(recorded_name(rule), process.socket() + "@function:" + kDigest);
  EXPECT_EQ(identity_of(rule), "@function:" + kDigest);
  EXPECT_EQ(&rule_of(recorded_name(rule)), &rule);
  EXPECT_EQ(reduced(rule, 4, {.f = 1}), std::vector<float>(4, 2));
  // Memory is handed over where what is there is too small.
  EXPECT_EQ(reduced(rule, 3), std::vector<float>(3, 2));
  EXPECT_EQ(reduced(rule, 5000), std::vector<float>(5000, 2));
  EXPECT_EQ(refusal([&] { reduced(rule, 4, {.f = 2}); }), "mine needs n >= 2f + 1: n = 3, f = 2");
  EXPECT_EQ(process.calls().size(), 3U);
  EXPECT_EQ(process.calls()[0],
            (json{{"type", "float32"}, {"n", 3}, {"d", 4}, {"f", 1}, {"step", 7}, {"memory", 64}}));
  EXPECT_FALSE(process.calls()[1].contains("memory"));
}

TEST(RuleProcess, ThatFailsIsTooSlowOrDiesEndsTheCallInOneLine) {
  const auto said = [](double patience, const Process::Answer& answer) {
    json first = hello();
    first["patience"] = patience;
    const Process process(first.dump(), answer);
    const RuleInfo& rule = rule_of(process.socket());
    const std::string text = refusal([&] { reduced(rule, 2); });
    // What comes later is no answer to anything.
    EXPECT_THAT(refusal([&] { reduced(rule, 2); }), StartsWith("mine: "));
    return text;
  };
  const auto text = [](const char* answer) {
    return [answer](const json&, Values&) { return answer; };
  };
  EXPECT_EQ(said(60, text(R"({"error": "ValueError: no\nmood"})")),
            "mine: ValueError: no?mood (step 7)");
  EXPECT_EQ(said(60, text("")), "mine: the process that answers for it is gone (step 7)");
  EXPECT_EQ(said(60, text("[]")), "mine: it answers what is none of this program's (step 7)");
  EXPECT_EQ(said(0.05,
                 [](const json&, Values&) {
                   std::this_thread::sleep_for(std::chrono::milliseconds(200));
                   return std::string("{}");
                 }),
            "mine: it has not answered for 0.05 s (step 7)");
}

TEST(RuleProcess, ThatIsNoneIsRefusedInOneLine) {
  const auto refused = [](const std::string& first) {
    const Process process(first);
    const std::string text = refusal([&] { rule_of(process.socket()); });
    EXPECT_THAT(text, StartsWith("rule " + process.socket() + ": "));
    return text.substr(text.rfind(": ") + 2);
  };
  EXPECT_EQ(refused(""), "the process that answers for it is gone");
  for (const auto& [field, value] : {std::pair<const char*, json>{"name", ""},
                                     {"name", 3},
                                     {"slope", 17},
                                     {"slope", -1},
                                     {"offset", 1e30},
                                     {"source", "abc"},
                                     {"source", nullptr},
                                     {"patience", 0},
                                     {"patience", "long"}}) {
    json first = hello();
    first[field] = value;
    EXPECT_EQ(refused(first.dump()), "it answers what is none of this program's") << first;
  }
  EXPECT_EQ(refused("no JSON"), "it answers what is none of this program's");
  EXPECT_EQ(refused(std::string(100, '[')), "it answers what is none of this program's");
}

TEST(RuleProcess, OfAnotherSourceThanRecordedOrThatIsGoneIsRefusedWithWhatToDo) {
  std::string socket;
  {
    const Process process;
    socket = process.socket();
    EXPECT_THAT(refusal([&] { rule_of(socket + "@function:unknown"); }),
                HasSubstr("its source's SHA-256 is " + kDigest + ", and unknown is recorded"));
  }
  EXPECT_THAT(refusal([&] { rule_of(socket + "@function:" + kDigest); }),
              HasSubstr("it was a function of another process, which is gone; valid: "));
}

json attack_hello() {
  return {{"name", "mine"}, {"same", false}, {"source", kDigest}, {"patience", 60}};
}

TEST(OwnAttack, IsAnAttackLikeOurs) {
  const Process process(attack_hello().dump(), first_doubled);
  const AttackInfo& info = attack_named(process.socket());
  EXPECT_EQ(info.name, "mine");
  EXPECT_EQ(recorded_name(info), process.socket() + "@function:" + kDigest);
  EXPECT_EQ(identity_of(info), "@function:" + kDigest);
  EXPECT_EQ(&attack_named(recorded_name(info)), &info);
  const auto attack = info.make({});
  EXPECT_TRUE(attack->needs_all_slices());
  EXPECT_FALSE(attack->same_in_every_slice());
  const std::vector<float> one{1, 2}, two{3, 4};
  const std::vector<const float*> rows{one.data(), two.data()};
  AttackInput input;
  input.step = 7;
  input.slice = 1;
  input.corrupted = 2;
  input.own = two;
  input.honest = {rows, 2};
  ThreadPool pool(1);
  std::vector<float> out(2);
  attack->corrupt(input, out, pool);
  EXPECT_EQ(out, (std::vector<float>{2, 4}));
  EXPECT_EQ(process.calls()[0], (json{{"type", "float32"},
                                      {"n", 2},
                                      {"d", 2},
                                      {"slice", 1},
                                      {"corrupted", 2},
                                      {"step", 7},
                                      {"memory", 24}}));
}

TEST(OwnAttack, OrOneOfTheRegistryHasANameOrAnswers) {
  EXPECT_EQ(&attack_named("alie"), &find_attack("alie"));
  EXPECT_EQ(recorded_name(attack_named("alie")), "alie");
  EXPECT_EQ(identity_of(attack_named("alie")), "alie");
  EXPECT_THAT(refusal([] { attack_named("aliee"); }), HasSubstr("did you mean alie"));
  EXPECT_THAT(refusal([] { attack_named("./none"); }),
              StartsWith("attack ./none: no process answers there; valid: "));
  const Process process(attack_hello().dump());
  EXPECT_THAT(refusal([&] { attack_named(process.socket() + "@function:unknown"); }),
              HasSubstr("its SHA-256 is " + kDigest + ", and unknown is recorded"));
  json hello = attack_hello();
  hello["same"] = 3;
  const Process odd(hello.dump());
  EXPECT_THAT(refusal([&] { attack_named(odd.socket()); }),
              HasSubstr("it answers what is none of this program's"));
}

TEST(OwnAttack, HasToRepeatItselfBitByBit) {
  const AttackInfo& info = find_attack("alie");
  const std::vector<float> zero{1, 0}, minus{1, -0.0F}, nan{NAN, 0};
  EXPECT_EQ(refusal([&] { check_repeats(info, nan, nan); }), "");
  EXPECT_THAT(refusal([&] { check_repeats(info, zero, minus); }),
              StartsWith("alie: twice the same input, and value 1 of its results is 0 and -0; "));
}

}  // namespace
}  // namespace detox
