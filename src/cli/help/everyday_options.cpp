#include "cli/help/everyday_options.hpp"

#include <fmt/format.h>

#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "cli/help/terminal_help.hpp"
#include "config/options.hpp"

namespace detox {
namespace {

class EverydayHelp : public TerminalHelp {
 public:
  EverydayHelp() {
    for (const Option& option : train_options()) {
      if (!option.is_everyday) rare_.insert("--" + std::string(option.name));
    }
  }

  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override {
    shows_all_ = mode != CLI::AppFormatMode::Normal;
    left_out_ = 0;
    std::string text = TerminalHelp::make_help(app, std::move(name), mode);
    // What is left of groups that show nothing.
    for (std::size_t at; (at = text.find("\n\n\n")) != std::string::npos;) text.erase(at, 1);
    return text;
  }

  std::string make_group(std::string group, bool is_positional,
                         std::vector<const CLI::Option*> options) const override {
    if (!shows_all_) {
      left_out_ += std::erase_if(options, [this](const CLI::Option* option) {
        return rare_.contains(option->get_name(false, true));
      });
    }
    return options.empty() ? "" : CLI::Formatter::make_group(group, is_positional, options);
  }

  std::string make_footer(const CLI::App* app) const override {
    std::string footer = CLI::Formatter::make_footer(app);
    if (left_out_ == 0) return footer;
    return fmt::format("{} options more: detoxml {} --help-all\n\n{}", left_out_, app->get_name(),
                       footer);
  }

 private:
  std::set<std::string> rare_;
  // Of the help that is being made.
  mutable bool shows_all_ = false;
  mutable std::size_t left_out_ = 0;
};

}  // namespace

void show_everyday_options(CLI::App& command) {
  command.formatter(std::make_shared<EverydayHelp>());
  command.set_help_all_flag("--help-all", "Print all options and exit");
}

std::string legend() {
  return "Letters: P workers, of which q may lie; r replicas of each piece of a batch (slice), k\n"
         "slices; n rows (slices, or b buckets of them) reach the rule, and f of them may be\n"
         "corrupt; d numbers in a row. N is a whole number, X a number.";
}

}  // namespace detox
