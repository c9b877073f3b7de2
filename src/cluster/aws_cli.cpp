#include "cluster/aws_cli.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <thread>

#include "base/child_program.hpp"
#include "base/log.hpp"
#include "base/names.hpp"
#include "base/shell_line.hpp"

namespace detox {
namespace {

constexpr std::size_t kLongestSaid = 300;

template <std::size_t size>
bool is_among(std::string_view word, const std::array<std::string_view, size>& all) {
  return std::find(all.begin(), all.end(), word) != all.end();
}

bool says_slower(std::string_view code) {
  constexpr std::array<std::string_view, 9> kPassing = {
      "RequestLimitExceeded", "Throttling",     "ThrottlingException",
      "RequestThrottled",     "InternalError",  "InternalFailure",
      "ServiceUnavailable",   "ServerInternal", "Unavailable"};
  return is_among(code, kPassing);
}

bool is_about_credentials(std::string_view code) {
  constexpr std::array<std::string_view, 8> kCodes = {
      "AuthFailure",           "InvalidClientTokenId",        "SignatureDoesNotMatch",
      "ExpiredToken",          "UnrecognizedClientException", "RequestExpired",
      "ExpiredTokenException", "IncompleteSignature"};
  return is_among(code, kCodes);
}

struct Said {
  std::string code, text;
};

/// "An error occurred (CODE) when calling the X operation: TEXT", or what else is there.
Said read_errors(std::string_view errors) {
  constexpr std::string_view kStart = "An error occurred (";
  Said said;
  const std::size_t start = errors.find(kStart);
  if (start != std::string_view::npos) {
    errors.remove_prefix(start + kStart.size());
    const std::size_t end = errors.find(')');
    said.code = printable(errors.substr(0, end), 80);
    constexpr std::string_view kRetries = "(reached max retries: ";  // between the two
    if (const std::size_t retries = errors.find(kRetries); retries != std::string_view::npos)
      errors.remove_prefix(retries + kRetries.size());
    const std::size_t colon = errors.find(": ");
    if (colon != std::string_view::npos) errors.remove_prefix(colon + 2);
  }
  while (!errors.empty() && (errors.front() == '\n' || errors.front() == ' '))
    errors.remove_prefix(1);
  if (errors.starts_with("usage:")) {  // and what is wrong, as with version 1, comes last
    errors = errors.substr(0, errors.find_last_not_of(" \n") + 1);
    errors.remove_prefix(errors.rfind('\n') + 1);
  }
  said.text = printable(errors.substr(0, errors.find('\n')), kLongestSaid);
  return said;
}

bool has_no_answer(std::string_view text) {
  constexpr std::array<std::string_view, 4> kWords = {"Could not connect to the endpoint",
                                                      "Connection was closed", "Read timeout",
                                                      "Connect timeout"};
  return std::any_of(kWords.begin(), kWords.end(), [text](std::string_view word) {
    return text.find(word) != std::string_view::npos;
  });
}

/// Words that name the time of the call and Amazon's own.
bool names_both_times(const Said& said) {
  constexpr std::array<std::string_view, 4> kWords = {"Signature expired", "Signature not yet",
                                                      "is now earlier than", "is still later than"};
  return said.code == "RequestTimeTooSkewed" ||
         std::any_of(kWords.begin(), kWords.end(), [&said](std::string_view word) {
           return said.text.find(word) != std::string::npos;
         });
}

/// What is signed at a wrong time gets these as well, so that nobody can tell which it is.
bool may_be_about_time(std::string_view code) {
  constexpr std::array<std::string_view, 3> kCodes = {"AuthFailure", "SignatureDoesNotMatch",
                                                      "RequestExpired"};
  return is_among(code, kCodes);
}

[[noreturn]] void fail(const std::string& what, const Said& said) {
  constexpr const char* kCredentials =
      "set valid credentials with 'aws configure', or AWS_PROFILE to a profile that has them";
  const std::string text =
      said.code.empty() ? said.text : fmt::format("{}: {}", said.code, said.text);
  const std::string here = fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(std::time(nullptr)));
  if (names_both_times(said)) {
    throw InputError(fmt::format(
        "AWS refuses the time of the call ({}): the clock of this machine, which shows {}, is "
        "wrong; set it: sudo timedatectl set-ntp true",
        text, here));
  }
  if (may_be_about_time(said.code)) {
    throw InputError(fmt::format(
        "AWS takes no call without valid credentials and the right time ({}): {}; the clock of "
        "this machine shows {}",
        text, kCredentials, here));
  }
  if (is_about_credentials(said.code) ||
      said.text.find("Unable to locate credentials") != std::string::npos ||
      said.text.find("config profile") != std::string::npos) {
    throw InputError(
        fmt::format("AWS takes no call without valid credentials ({}): {}", text, kCredentials));
  }
  if (said.code.empty()) throw InputError(fmt::format("aws ec2 {}: {}", what, said.text));
  throw AwsError(said.code, fmt::format("aws ec2 {}: {}: {}", what, said.code, said.text));
}

nlohmann::json parse_answer(const std::string& what, const std::string& text) {
  // Calls without an answer print nothing.
  if (text.find_first_not_of(" \n") == std::string::npos) return nlohmann::json::object();
  nlohmann::json answer = nlohmann::json::parse(text, nullptr, false);
  if (!answer.is_object()) {
    throw InputError(fmt::format("aws ec2 {} answered something that is not JSON: {}", what,
                                 printable(text.substr(0, text.find('\n')), 100)));
  }
  return answer;
}

}  // namespace

AwsCli::AwsCli(AwsSettings settings) : settings_(std::move(settings)) {
  if (!settings_.dry_run && !is_on_path("aws")) {
    throw UsageError("no aws on PATH: install Debian's package awscli (the AWS CLI, version 2)");
  }
}

nlohmann::json AwsCli::ec2(const std::vector<std::string>& words) const {
  ChildProgram aws;
  aws.arguments = {"aws", "ec2"};
  aws.arguments.insert(aws.arguments.end(), words.begin(), words.end());
  aws.arguments.insert(aws.arguments.end(),
                       {"--region", settings_.region, "--output", "json", "--no-cli-pager"});
  if (!settings_.endpoint_url.empty())
    aws.arguments.insert(aws.arguments.end(), {"--endpoint-url", settings_.endpoint_url});
  if (settings_.dry_run) {
    fmt::print("{}\n", shell_line(aws.arguments));
    return nlohmann::json::object();
  }
  // Trying again is done here, where it can be said. Nothing is asked, and no wizard begins.
  aws.environment = {
      {"AWS_MAX_ATTEMPTS", "1"}, {"AWS_CLI_AUTO_PROMPT", "off"}, {"LC_ALL", "C.UTF-8"}};
  aws.time_limit = settings_.call_limit;
  std::chrono::milliseconds pause = settings_.first_pause;
  for (int attempt = 1;; ++attempt, pause *= 2) {
    const ChildResult result = run_child(aws);
    if (result.ok()) return parse_answer(words.front(), result.output);
    Said said = read_errors(result.errors);
    if (result.timed_out) {
      said.text = fmt::format("no answer within the time limit{}{}", said.text.empty() ? "" : ": ",
                              said.text);
      said.code.clear();
    }
    if (result.errors.find("Unknown options: --no-cli-pager") != std::string::npos) {
      throw UsageError(
          "aws on PATH is the AWS CLI of version 1: install Debian's package awscli, which is "
          "version 2, and let it come first on PATH");
    }
    const bool again = result.timed_out || says_slower(said.code) || has_no_answer(said.text);
    if (!again || attempt >= settings_.attempts) fail(words.front(), said);
    log_info("aws ec2 {}: {}{}{}; again in {} s", words.front(), said.code,
             said.code.empty() ? "" : ": ", said.text, static_cast<double>(pause.count()) / 1000);
    std::this_thread::sleep_for(pause);
  }
}

std::string text_in(const nlohmann::json& object, std::string_view name) {
  const auto member = object.is_object() ? object.find(name) : object.end();
  return member != object.end() && member->is_string() ? member->get<std::string>() : "";
}

const nlohmann::json& list_in(const nlohmann::json& object, std::string_view name) {
  static const nlohmann::json kNone = nlohmann::json::array();
  if (!object.is_object()) return kNone;
  const auto member = object.find(name);
  return member != object.end() && member->is_array() ? *member : kNone;
}

}  // namespace detox
