// For tools/tidy.py alone: included before everything else in files that include libtorch. clang 14
// instantiates the constexpr members that g++ 12's std::vector has in C++20 too early for
// c10::IValue, which is incomplete at that point, and stops. Without constexpr in <vector> it reads
// libtorch 1.13. The renamed function would otherwise be declared with and without constexpr.
#include <bits/stl_algobase.h>
#include <bits/stl_uninitialized.h>

#include <string>

#pragma push_macro("_GLIBCXX20_CONSTEXPR")
#undef _GLIBCXX20_CONSTEXPR
#define _GLIBCXX20_CONSTEXPR
#define __fill_a1 __fill_a1_of_bits
#include <vector>
#undef __fill_a1
#pragma pop_macro("_GLIBCXX20_CONSTEXPR")
