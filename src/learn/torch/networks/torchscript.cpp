// TorchScript modules as networks. Their weights are those in the file. The profiling executor is
// off: the first execution of a module under it gives other bits than the later ones.
#include "learn/torch/networks/torchscript.hpp"

#include <fmt/format.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/version.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>

#include "base/digest.hpp"
#include "base/names.hpp"
#include "detox/errors.hpp"
#include "learn/torch/cause.hpp"
#include "learn/torch/networks/script_checks.hpp"
#include "learn/torch/networks/script_network.hpp"

namespace detox {
namespace {

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw InputError(fmt::format("--network {}: {}", path, why));
}

std::string read(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) refuse(path, "no such file");
  if (!std::filesystem::is_regular_file(path, ignored)) refuse(path, "not a regular file");
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  if (!file || !bytes) refuse(path, "cannot be read");
  return bytes.str();
}

/// What the file is, by its first bytes and the names in its archive, and what libtorch says.
std::string why_not_loaded(const std::string& bytes, const std::string& cause) {
  constexpr const char* kMake = "make one with torch.jit.script(model).save(path)";
  const bool is_archive = bytes.starts_with("PK\3\4");
  if (is_archive && bytes.find("/constants.pkl") != std::string::npos) {
    return fmt::format("libtorch {} cannot load the module: {}", TORCH_VERSION, cause);
  }
  const bool is_legacy = bytes.starts_with("\x80\x02\x8a\x0a");  // torch.save before PyTorch 1.6
  if (is_legacy || (is_archive && bytes.find("/data.pkl") != std::string::npos)) {
    return fmt::format(
        "what torch.save wrote, and no TorchScript module: weights go to --pretrained; {}", kMake);
  }
  return fmt::format("no TorchScript module ({}); {}", cause, kMake);
}

/// What is to be said of the module. Checked once in a process, however many threads load it.
std::vector<std::string> check_once(ScriptNetwork& network, const std::string& digest,
                                    ImageShape shape, std::size_t classes) {
  static std::mutex mutex;
  static std::map<std::string, std::vector<std::string>> checked;
  const std::lock_guard lock(mutex);
  const std::string key =
      fmt::format("{} {}x{}x{} {}", digest, shape.channels, shape.height, shape.width, classes);
  const auto known = checked.find(key);
  if (known != checked.end()) return known->second;
  return checked[key] = check_script(network, shape, classes);
}

}  // namespace

ScriptFile load_torchscript(const std::string& path, ImageShape shape, std::size_t classes) {
  torch::jit::getProfilingMode() = false;
  torch::jit::getExecutorMode() = false;
  std::string bytes = read(path);
  ScriptFile file;
  file.described.source = hex(DigestBuilder().add(bytes).finish());
  try {
    const auto network = std::make_shared<ScriptNetwork>(bytes);
    const std::vector<std::string> notices =
        check_once(*network, file.described.source, shape, classes);
    file.described.tied = network->tied();
    file.described.constants = network->constants();
    for (const std::string& notice : notices) {
      file.described.notices.push_back(fmt::format("warning: --network {}: {}", path, notice));
    }
    file.network = network;
  } catch (const Error& error) {
    refuse(path, error.what());
  } catch (const std::exception& error) {
    refuse(path, why_not_loaded(bytes, cause_of(error)));
  }
  return file;
}

}  // namespace detox
