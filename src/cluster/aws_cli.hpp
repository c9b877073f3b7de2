// The AWS CLI, version 2, as the one way to EC2. Credentials are the CLI's own business: this
// program neither reads nor passes on any.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "detox/errors.hpp"

namespace detox {

/// What EC2 said no to. `code()` is its word for it, as InsufficientInstanceCapacity.
class AwsError : public InputError {
 public:
  AwsError(std::string code, const std::string& message)
      : InputError(message), code_(std::move(code)) {}
  const std::string& code() const { return code_; }

 private:
  std::string code_;
};

struct AwsSettings {
  std::string region;
  std::string endpoint_url;  ///< empty: Amazon's own
  bool dry_run = false;      ///< calls are printed and not made
  std::chrono::milliseconds call_limit{60'000};
  int attempts = 7;  ///< where EC2 says "slower" or has no answer: 1, 2, 4 … seconds in between
  std::chrono::milliseconds first_pause{1'000};
};

class AwsCli {
 public:
  /// UsageError where there is no such program on PATH.
  explicit AwsCli(AwsSettings settings);

  /// `aws ec2 WORDS` to its answer. In a dry run the call is printed as a line for a shell, and
  /// there is no answer: an empty object. AwsError where EC2 refuses; InputError in one line where
  /// there are no valid credentials, no network, or an answer that is no JSON.
  nlohmann::json ec2(const std::vector<std::string>& words) const;

  bool is_dry_run() const { return settings_.dry_run; }

 private:
  AwsSettings settings_;
};

/// A member of an answer as text; empty where there is none or it is something else.
std::string text_in(const nlohmann::json& object, std::string_view name);

/// A member that is a list; an empty one where there is none.
const nlohmann::json& list_in(const nlohmann::json& object, std::string_view name);

}  // namespace detox
