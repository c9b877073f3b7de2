#include "cluster/pending_requests.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <system_error>

#include "base/atomic_file.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "cluster/aws_cli.hpp"

namespace detox {

PendingRequests::PendingRequests(std::filesystem::path file) : file_(std::move(file)) {
  if (!std::filesystem::exists(file_)) return;
  const auto content = nlohmann::json::parse(text_of(read_file(file_)), nullptr, false);
  for (const nlohmann::json& entry : list_in(content, "requests")) {
    if (!entry.is_object()) continue;
    PendingRequest request;
    request.token = text_in(entry, "token");
    request.role = text_in(entry, "role");
    const auto count = entry.find("count");
    if (count == entry.end() || !count->is_number_integer()) continue;
    request.count = count->get<int>();
    for (const nlohmann::json& word : list_in(entry, "words")) {
      if (word.is_string()) request.words.push_back(word.get<std::string>());
    }
    if (request.words.empty() || request.words.front() != "run-instances") continue;
    requests_.push_back(std::move(request));
  }
}

void PendingRequests::add(PendingRequest request) {
  requests_.push_back(std::move(request));
  write();
}

void PendingRequests::remove(const std::string& token) {
  std::erase_if(requests_, [&token](const PendingRequest& r) { return r.token == token; });
  write();
}

void PendingRequests::clear() {
  requests_.clear();
  write();
}

void PendingRequests::write() const {
  if (requests_.empty()) {
    std::error_code error;
    std::filesystem::remove(file_, error);
    if (error) log_warning("cannot remove {}: {}", file_.string(), error.message());
    return;
  }
  nlohmann::json list = nlohmann::json::array();
  for (const PendingRequest& request : requests_) {
    list.push_back({{"token", request.token},
                    {"role", request.role},
                    {"count", request.count},
                    {"words", request.words}});
  }
  write_atomically(file_, nlohmann::json{{"requests", list}}.dump(1) + "\n");
}

std::string new_token() {
  std::random_device device;
  std::string token = "detox-";
  for (int word = 0; word < 4; ++word) token += fmt::format("{:08x}", device());
  return token;
}

}  // namespace detox
