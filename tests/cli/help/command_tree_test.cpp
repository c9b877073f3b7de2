#include "cli/help/command_tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/help/completion.hpp"
#include "cli/help/manual_page.hpp"

namespace detox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> fruit(std::string_view word) {
  if (word == "FRUIT") return {"apple", "pear"};
  return {};
}

TEST(ValueChoice, IsWordsPathsAndNamesBetweenBars) {
  EXPECT_THAT(value_choice("digest|bytes", fruit).words, ElementsAre("digest", "bytes"));
  const ValueChoice mixed = value_choice("FRUIT|none|FILE", fruit);
  EXPECT_THAT(mixed.words, ElementsAre("apple", "pear", "none"));
  EXPECT_TRUE(mixed.files);
  EXPECT_FALSE(mixed.directories);
  EXPECT_TRUE(value_choice("DIR", fruit).directories);
  EXPECT_TRUE(value_choice("FILE.png", fruit).files);
}

TEST(ValueChoice, UnderstandsTheParsersOwnWords) {
  EXPECT_THAT(value_choice("TEXT:{a,b}", fruit).words, ElementsAre("a", "b"));
  EXPECT_TRUE(value_choice("TEXT:FILE", fruit).files);
  EXPECT_TRUE(value_choice("INT:INT in [2 - 10000]", fruit).is_free());
  EXPECT_TRUE(value_choice("", fruit).is_free());
}

class Tree : public testing::Test {
 protected:
  Tree() {
    CLI::App* eat = program_.add_subcommand("eat", "eats things");
    eat->add_option("--what,-w", what_, "it's a fruit: $x [none]")->type_name("FRUIT|FILE");
    eat->add_flag("--all", all_, "all of them");
    eat->add_option("--secret", what_, "not shown")->group("");
    eat->add_option("rest", rest_, "the rest")->type_name("train");
    program_.add_subcommand("hidden", "not shown")->group("");
  }

  CLI::App program_{"a program", "detoxml"};
  std::string what_;
  bool all_ = false;
  std::vector<std::string> rest_;
};

TEST_F(Tree, HoldsWhatIsNotHidden) {
  const CommandEntry tree = command_tree(program_, fruit);
  ASSERT_EQ(tree.commands.size(), 1U);
  const CommandEntry& eat = tree.commands.front();
  EXPECT_THAT(eat.path, ElementsAre("eat"));
  EXPECT_TRUE(eat.passes_on());
  ASSERT_EQ(eat.options.size(), 3U);
  EXPECT_THAT(eat.options[0].names, ElementsAre("--help", "-h"));
  EXPECT_EQ(eat.options[0].takes, OptionEntry::Takes::kNothing);
  EXPECT_THAT(eat.options[1].names, ElementsAre("--what", "-w"));
  EXPECT_EQ(eat.options[1].takes, OptionEntry::Takes::kValue);
  EXPECT_EQ(eat.options[2].takes, OptionEntry::Takes::kNothing);
}

TEST_F(Tree, IsQuotedForShellsAndForMan) {
  const CommandEntry tree = command_tree(program_, fruit);
  EXPECT_THAT(bash_completion(tree), HasSubstr("'apple pear'"));
  EXPECT_THAT(zsh_completion(tree), HasSubstr(R"([it'\''s a fruit\: $x \[none\]])"));
  const auto pages = manual_pages(tree, "1.2.3");
  ASSERT_EQ(pages.size(), 2U);
  const std::string& page = pages.at("detoxml-eat.1");
  EXPECT_THAT(page, HasSubstr("it\\(aqs a fruit: $x [none]"));
  EXPECT_THAT(page, HasSubstr(".TH DETOXML\\-EAT 1"));
  EXPECT_THAT(page, Not(HasSubstr("secret")));
}

TEST_F(Tree, KeepsExamplesAsTheyAre) {
  program_.footer("Examples:\n  detoxml eat\n  .dots 'quoted' …\n\nEnd.");
  const std::string page = manual_pages(command_tree(program_, fruit), "1").at("detoxml.1");
  EXPECT_THAT(page, HasSubstr(".SH EXAMPLES\n.RS\n.nf\ndetoxml eat\n\\&.dots \\(aqquoted\\(aq "
                              "...\n.fi\n.RE\n.PP\nEnd.\n"));
}

}  // namespace
}  // namespace detox
