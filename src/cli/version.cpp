#include "cli/version.hpp"

#include <blosc.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <zlib.h>
#include <zstd.h>

#include "comm/mpi_job.hpp"
#include "detox/errors.hpp"
#include "host/numerics.hpp"
#include "kernels/target.hpp"
#include "learn/learner_file.hpp"
#include "source_digest.hpp"

namespace detox {
namespace {

std::string compiler() {
#if defined(__clang__)
  return "clang++ " __clang_version__;
#else
  return "g++ " __VERSION__;
#endif
}

std::string kernels_in_force() {
  try {
    return kernel_target_name();
  } catch (const Error& error) {
    return error.what();
  }
}

/// What gradients are computed with, as the module says without being opened.
std::string learner() {
  try {
    return fmt::format("{}, {}", read_learner_note(learner_file()).computes_with,
                       learner_file().string());
  } catch (const Error& error) {
    return error.what();
  }
}

std::string mpi() {
  try {
    return mpi_library_version();
  } catch (const Error& error) {
    return error.what();
  }
}

void add_line(std::string& text, std::string_view name, std::string_view value) {
  text += fmt::format("\n  {:<12}{}", name, value);
}

}  // namespace

std::string version_text() {
  std::string text = "detoxml " DETOX_VERSION;
  add_line(text, "sources", DETOX_SOURCE_DIGEST);
  add_line(text, "compiler", compiler());
  add_line(text, "learner", learner());
  add_line(text, "MPI", mpi());
  add_line(text, "OpenSSL", OpenSSL_version(OPENSSL_VERSION_STRING));
  add_line(text, "zlib", zlibVersion());
  add_line(text, "zstd", ZSTD_versionString());
  add_line(text, "blosc", blosc_get_version_string());
  add_line(text, "processor", processor_name());
  add_line(text, "rules", fmt::format("{} (DETOX_KERNEL_TARGET)", kernels_in_force()));
  add_line(text, "gradients", fmt::format("{} (DETOX_PROFILE)", profile_in_force()));
  return text;
}

std::string result_version() {
  std::string computes_with;
  try {
    computes_with = read_learner_note(learner_file()).computes_with;
  } catch (const Error& error) {
    computes_with = error.what();
  }
  return fmt::format("{} (sources {}), {}, {}", DETOX_VERSION, DETOX_SOURCE_DIGEST, computes_with,
                     profile_in_force());
}

}  // namespace detox
