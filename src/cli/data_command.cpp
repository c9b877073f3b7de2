// `detoxml data`: fetches, generates, verifies and shows data sets. The work is in src/prepare.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <vector>

#include "base/cores.hpp"
#include "base/log.hpp"
#include "base/names.hpp"
#include "cli/command.hpp"
#include "data/idx_set.hpp"
#include "data/locate.hpp"
#include "detox/errors.hpp"
#include "prepare/contact_sheet.hpp"
#include "prepare/prepare.hpp"

namespace detox {
namespace {

struct DataOptions {
  std::vector<std::string> names;
  PrepareOptions prepare;
  std::string data_dir, name, sheet;
  double connect_timeout_s = 20, stall_timeout_s = 30;
  std::size_t threads = 0, image_size = kDefaultImageSize;
};

/// All names are checked before anything is done for the first.
std::vector<const Recipe*> recipes_of(const std::vector<std::string>& names) {
  std::vector<const Recipe*> chosen(names.size());
  std::transform(names.begin(), names.end(), chosen.begin(),
                 [](const std::string& name) { return &find_recipe(name); });
  return chosen;
}

/// Does something for each; one that fails does not keep the others from it.
template <class Action>
int for_each_recipe(const std::vector<const Recipe*>& chosen, const Action& action) {
  std::vector<std::string_view> failed;
  for (const Recipe* recipe : chosen) {
    try {
      action(*recipe);
    } catch (const InputError& error) {
      if (chosen.size() == 1) throw;
      log_info("{}: {}", recipe->name, error.what());
      failed.push_back(recipe->name);
    }
    std::fflush(stdout);
  }
  if (failed.empty()) return 0;
  throw InputError(fmt::format("{} of {} data sets failed, as said above: {}", failed.size(),
                               chosen.size(), fmt::join(failed, ", ")));
}

void check(const DataOptions& options) {
  const PrepareOptions& prepare = options.prepare;
  if (!prepare.url.empty() && !prepare.url.starts_with("http://") &&
      !prepare.url.starts_with("https://")) {
    throw UsageError(
        fmt::format("--url {}: valid: http://... and https://...", printable(prepare.url)));
  }
  if (prepare.samples % 50 != 0) {
    throw UsageError(fmt::format("--samples {}: it must be a multiple of 50", prepare.samples));
  }
}

int prepare_all(DataOptions options) {
  const std::vector<const Recipe*> chosen = recipes_of(options.names);
  check(options);
  PrepareOptions& prepare = options.prepare;
  prepare.data_dir = options.data_dir;
  prepare.threads = options.threads > 0 ? options.threads : usable_cores();
  using Seconds = std::chrono::duration<double>;
  prepare.http.connect_timeout =
      std::chrono::duration_cast<std::chrono::milliseconds>(Seconds(options.connect_timeout_s));
  prepare.http.stall_timeout =
      std::chrono::ceil<std::chrono::seconds>(Seconds(options.stall_timeout_s));
  return for_each_recipe(chosen, [&](const Recipe& recipe) {
    fmt::print("{}\n", prepare_dataset(recipe, find_dataset(recipe.name), prepare));
  });
}

void verify(const Recipe& recipe, const Inspection& found,
            const std::vector<std::filesystem::path>& folders) {
  const std::vector<std::string> problems = found.problems();
  if (!problems.empty()) throw InputError(fmt::format("{}", fmt::join(problems, "; ")));
  if (found.is_complete()) {
    fmt::print("{}: {} files as {}: {}\n", recipe.name, found.files.size(),
               recipe.is_synthetic() ? "generated (synthetic images)" : "published",
               found.folder.string());
    return;
  }
  std::vector<std::string> places(folders.size());
  std::transform(folders.begin(), folders.end(), places.begin(),
                 [](const std::filesystem::path& folder) { return folder.string(); });
  throw InputError(found.is_there()
                       ? fmt::format("{} lacks {}; detoxml data prepare {} brings it",
                                     found.folder.string(), fmt::join(found.missing, ", "),
                                     recipe.name)
                       : fmt::format("{}: nothing found in {}; detoxml data prepare {} brings it",
                                     recipe.name, fmt::join(places, ", "), recipe.name));
}

int verify_named(const std::vector<const Recipe*>& chosen, const DataOptions& options) {
  return for_each_recipe(chosen, [&](const Recipe& recipe) {
    const auto folders = data_folders(find_dataset(recipe.name), options.data_dir);
    verify(recipe, inspect(recipe, folders), folders);
  });
}

int verify_what_is_there(const DataOptions& options) {
  const std::string base = options.data_dir.empty() ? "data" : options.data_dir;
  std::vector<const Recipe*> chosen;
  std::map<std::string_view, Inspection> found;  // files are read once
  for (const Recipe& recipe : recipes()) {
    auto folders = data_folders(find_dataset(recipe.name), options.data_dir);
    // In the data directory itself, the files of MNIST and Fashion-MNIST have the same names.
    if (recipe.unpacked.empty() || recipe.is_synthetic()) std::erase(folders, base);
    Inspection inspection = inspect(recipe, folders);
    if (!inspection.is_there()) continue;
    chosen.push_back(&recipe);
    found.emplace(recipe.name, std::move(inspection));
  }
  if (chosen.empty()) {
    throw InputError(
        fmt::format("no data set found in {}; detoxml data prepare NAME brings one", base));
  }
  return for_each_recipe(chosen,
                         [&](const Recipe& recipe) { verify(recipe, found.at(recipe.name), {}); });
}

int verify_all(const DataOptions& options) {
  const std::vector<const Recipe*> chosen = recipes_of(options.names);
  return chosen.empty() ? verify_what_is_there(options) : verify_named(chosen, options);
}

std::vector<std::size_t> samples_per_class(const Dataset& data) {
  std::vector<std::size_t> counts(data.classes());
  for (std::size_t sample = 0; sample < data.size(); ++sample)
    ++counts[static_cast<std::size_t>(data.label(sample))];
  return counts;
}

int info(const DataOptions& options) {
  const DatasetChoice choice = choose_dataset(options.name);
  const auto train = load_dataset(choice.name, options.data_dir, Split::kTrain, options.image_size);
  const auto test = load_dataset(choice.name, options.data_dir, Split::kTest, options.image_size);
  const ImageShape shape = train->shape();
  fmt::print("{}: {}\n", train->name(),
             choice.info != nullptr    ? choice.info->summary
             : is_idx_set(choice.name) ? "IDX files"
                                       : "an image folder");
  if (train->is_synthetic()) fmt::print("SYNTHETIC: every image was generated\n");
  fmt::print("train {}, test {} images of {} x {} x {} (channels, height, width), {} classes\n",
             train->size(), test->size(), shape.channels, shape.height, shape.width,
             train->classes());
  fmt::print("digest of train {}\n", train->digest());
  fmt::print("digest of test  {}\n", test->digest());
  fmt::print("{:>5}  {:<24} {:>7} {:>7}\n", "class", "name", "train", "test");
  const auto in_train = samples_per_class(*train), in_test = samples_per_class(*test);
  for (std::size_t label = 0; label < train->classes(); ++label) {
    fmt::print("{:>5}  {:<24} {:>7} {:>7}\n", label, train->class_names()[label], in_train[label],
               in_test[label]);
  }
  if (!options.sheet.empty()) {
    write_contact_sheet(*train, options.sheet);
    fmt::print("contact sheet: {}\n", options.sheet);
  }
  return 0;
}

void add_data_dir(CLI::App& app, DataOptions& options) {
  app.add_option("--data-dir", options.data_dir, "where data sets lie [data]")->type_name("DIR");
}

void add_prepare(CLI::App& data, DataOptions& options) {
  CLI::App& app =
      *data.add_subcommand("prepare", "download or generate data sets, and verify them");
  app.add_option("NAME", options.names, "data sets; detoxml list names them")
      ->required()
      ->type_name("DATASET");
  add_data_dir(app, options);
  app.add_option("--url", options.prepare.url,
                 "take the files from here (BASE/<file name>); checksums stay the published ones")
      ->type_name("BASE");
  app.add_flag("--download", options.prepare.download_installed,
               "download also what Debian's package has");
  app.add_option("--connect-timeout", options.connect_timeout_s, "seconds to wait for a server")
      ->capture_default_str()
      ->type_name("X")
      ->check(CLI::Range(0.1, 3600.0).description(""));
  app.add_option("--stall-timeout", options.stall_timeout_s,
                 "seconds without data after which a transfer is tried again")
      ->capture_default_str()
      ->type_name("X")
      ->check(CLI::Range(1.0, 3600.0).description(""));
  app.add_option("--seed", options.prepare.seed, "of a synthetic set")
      ->capture_default_str()
      ->type_name("N");
  app.add_option("--samples", options.prepare.samples,
                 "training samples of a synthetic set; the test set has a fifth of it")
      ->capture_default_str()
      ->type_name("N")
      ->check(CLI::Range(std::uint64_t{50}, kSyntheticTrain).description(""));
  app.add_option("--threads", options.threads,
                 "threads that generate [the cores that this process may use]")
      ->type_name("N")
      ->check(CLI::Range(0, 1024).description(""));
  app.footer(
      "Examples:\n"
      "  detoxml data prepare MNIST Cifar10 --data-dir data\n"
      "  detoxml data prepare synthetic-cifar10\n"
      "  detoxml data prepare SVHN --url https://mirror.example/svhn");
}

void add_verify(CLI::App& data, DataOptions& options) {
  CLI::App& app = *data.add_subcommand("verify", "compare files with the published checksums");
  app.add_option("NAME", options.names, "data sets [all that are there]")->type_name("DATASET");
  add_data_dir(app, options);
  app.footer("Example:\n  detoxml data verify --data-dir data");
}

void add_info(CLI::App& data, DataOptions& options) {
  CLI::App& app = *data.add_subcommand("info", "sizes, classes and digests of a data set");
  app.add_option("NAME", options.name, "a data set, or an image folder")
      ->required()
      ->type_name("DATASET|DIR");
  add_data_dir(app, options);
  app.add_option("--image-size", options.image_size, "the side of an image folder's images")
      ->capture_default_str()
      ->type_name("N");
  app.add_option("--sheet", options.sheet,
                 "also write a picture: ten samples of each class, at most 20 classes")
      ->type_name("FILE.png");
  app.footer("Example:\n  detoxml data info FashionMNIST --sheet sheet.png");
}

}  // namespace

Command data_command(CLI::App& program) {
  CLI::App* app = program.add_subcommand("data", "fetch, generate, verify and show data sets");
  auto options = std::make_shared<DataOptions>();
  app->require_subcommand(1);
  add_prepare(*app, *options);
  add_verify(*app, *options);
  add_info(*app, *options);
  app->footer(
      "Examples:\n"
      "  detoxml data prepare MNIST\n"
      "  detoxml data verify\n"
      "  detoxml data info FashionMNIST --sheet sheet.png");
  return {app, [app, options] {
            if (app->got_subcommand("prepare")) return prepare_all(*options);
            return app->got_subcommand("verify") ? verify_all(*options) : info(*options);
          }};
}

}  // namespace detox
