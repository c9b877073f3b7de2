// What a refused action says.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "detox/errors.hpp"

namespace detox {

/// The message of the Error that the action throws, checked to be one line that people can read;
/// empty where the action is accepted.
template <class Action>
std::string refusal(const Action& action) {
  try {
    action();
    return {};
  } catch (const Error& error) {
    std::string text = error.what();
    EXPECT_FALSE(text.empty());
    EXPECT_LT(text.size(), 1500U) << text;
    for (const char c : text) EXPECT_GE(static_cast<unsigned char>(c), 0x20U) << text;
    EXPECT_TRUE(error.exit_code() == 1 || error.exit_code() == 2);
    return text;
  }
}

}  // namespace detox
