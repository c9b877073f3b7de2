#include "comm/under_mpi.hpp"

#include <charconv>
#include <cstdlib>
#include <cstring>

namespace detox {
namespace {

int number_in_environment(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  if (text == nullptr) return otherwise;
  int value = otherwise;
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  return error == std::errc() && stop == end && value >= 0 ? value : otherwise;
}

}  // namespace

bool started_under_mpi() { return std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr; }

int rank_under_mpi() { return number_in_environment("OMPI_COMM_WORLD_RANK", 0); }

int size_under_mpi() { return number_in_environment("OMPI_COMM_WORLD_SIZE", 1); }

bool all_here_under_mpi() {
  return number_in_environment("OMPI_COMM_WORLD_LOCAL_SIZE", 0) == size_under_mpi();
}

}  // namespace detox
