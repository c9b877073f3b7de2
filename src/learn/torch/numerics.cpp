// The numerical profile, asked of the libraries themselves: what is in force counts, not what was
// wished for.
#include "learn/torch/numerics.hpp"

#include <ATen/Version.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <torch/version.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <string>
#include <string_view>

#include "learn/torch/libraries.hpp"
#include "learn/torch/loaded.hpp"

namespace detox {
namespace {

/// The rest of the line after the first occurrence of label, up to the first of `ends`; "unknown"
/// where there is none.
std::string text_after(std::string_view text, std::string_view label, std::string_view ends) {
  const std::size_t at = text.find(label);
  if (at == std::string_view::npos) return "unknown";
  std::string_view rest = text.substr(at + label.size());
  rest = rest.substr(0, std::min(rest.size(), rest.find_first_of(ends)));
  return rest.empty() ? "unknown" : std::string(rest);
}

template <class Function>
Function loaded(const char* name) {
  return reinterpret_cast<Function>(loaded_function(name));
}

/// The file that a function comes from; empty where no library has it.
std::filesystem::path file_with(const char* function) {
  Dl_info info{};
  void* address = loaded_function(function);
  if (address == nullptr || dladdr(address, &info) == 0 || info.dli_fname == nullptr) return {};
  std::error_code unknown;
  const std::filesystem::path file = std::filesystem::canonical(info.dli_fname, unknown);
  return unknown ? std::filesystem::path(info.dli_fname) : file;
}

/// Whether the library that a function comes from has this other one, itself or by what it needs.
bool brings(const char* function, const char* other) {
  Dl_info info{};
  void* address = loaded_function(function);
  if (address == nullptr || dladdr(address, &info) == 0 || info.dli_fname == nullptr) return false;
  void* library = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
  if (library == nullptr) return false;
  const bool found = dlsym(library, other) != nullptr;
  dlclose(library);
  return found;
}

std::string blas(const std::string& config) {
  const auto get_config = loaded<char* (*)()>("openblas_get_config");
  const auto get_core = loaded<char* (*)()>("openblas_get_corename");
  // Another library may bring OpenBLAS along, while sgemm is somebody else's.
  const bool computes = brings("sgemm_", "openblas_get_config");
  if (get_config != nullptr && get_core != nullptr && computes) {
    return fmt::format("OpenBLAS {} {}", text_after(get_config(), "OpenBLAS ", " "), get_core());
  }
  const std::string mkl = text_after(config, "Math Kernel Library Version ", " \n");
  return mkl == "unknown" ? "BLAS unknown" : "MKL " + mkl;
}

/// oneDNN's instruction set: the processor's, limited by DNNL_MAX_CPU_ISA. Names are those of that
/// variable.
std::string onednn_isa() {
  const auto get_isa = loaded<int (*)()>("dnnl_get_effective_cpu_isa");
  if (get_isa == nullptr) return "unknown";
  struct Name {
    int isa;
    std::string_view name;
  };
  // Values of dnnl_cpu_isa_t that mean the same in oneDNN 2 and 3; others are told by number.
  constexpr std::array kNames{
      Name{0x1, "SSE41"},
      Name{0x3, "AVX"},
      Name{0x7, "AVX2"},
      Name{0x27, "AVX512_CORE"},
      Name{0x67, "AVX512_CORE_VNNI"},
      Name{0xe7, "AVX512_CORE_BF16"},
  };
  const int isa = get_isa();
  const auto* found = std::find_if(kNames.begin(), kNames.end(),
                                   [isa](const Name& name) { return name.isa == isa; });
  return found == kNames.end() ? fmt::format("{:#x}", isa) : std::string(found->name);
}

/// All but the layout.
std::string describe() {
  const std::string config = at::show_config();
  return fmt::format("libtorch {}, ATen {}, {}, oneDNN {} {}, glibc {}, 1 intra-op thread",
                     TORCH_VERSION, text_after(config, "CPU capability usage: ", "\n"),
                     blas(config), text_after(config, "MKL-DNN v", " \n"), onednn_isa(),
                     gnu_get_libc_version());
}

}  // namespace

std::vector<std::pair<std::string, std::string>> training_libraries() {
  const std::string config = at::show_config();
  const std::string file = file_with("sgemm_").string();
  return {
      {"libtorch", fmt::format("{}, capability {}", TORCH_VERSION,
                               text_after(config, "CPU capability usage: ", "\n"))},
      {"BLAS", blas(config) + (file.empty() ? "" : " in " + file)},
      {"oneDNN", fmt::format("{}, up to {}", text_after(config, "MKL-DNN v", " \n"), onednn_isa())},
      {"OpenMP", text_after(config, "OpenMP ", " \n")},
      {"glibc", gnu_get_libc_version()}};
}

void* blas_sgemm() { return loaded_function("sgemm_"); }

std::string numerical_profile(MemoryLayout layout) {
  static const std::string kProfile = describe();
  return fmt::format("{}, {}", kProfile,
                     layout == MemoryLayout::kChannelsLast ? "channels last" : "channels first");
}

}  // namespace detox
