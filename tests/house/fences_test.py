#!/usr/bin/python3
"""Each fence is broken once in a tree of its own, and must be found; the same tree without the break must pass."""
import pathlib
import tempfile
import unittest

import fences

LISTED = "score_command log sum lenet transport vote server_round main lenet_test score frame file all long other_test"
SOUND = {
    "CMakeLists.txt": " ".join(f"{stem}.cpp" for stem in LISTED.split()),
    "include/detox/rows.hpp": '#include <span>\n#include "detox/errors.hpp"\n// unlike torch::Tensor, a view\n',
    "src/base/log.cpp": '#include "base/log.hpp"\n#include <cstdio>\n',
    "src/kernels/sum.cpp": '#include "base/log.hpp"\n#include "detox/rows.hpp"\n',
    "src/learn/torch/lenet.cpp": '#include <torch/torch.h>\n#include "kernels_of_torch.hpp"\n',
    "src/comm/mpi/transport.cpp": '#include <mpi.h>\n#include "comm/frame.hpp"\n',
    "src/stages/vote/vote.cpp": '#include "stages/vote/vote.hpp"\n#include "kernels/sum.hpp"\n',
    "src/round/server_round.cpp": '#include "stages/vote/vote.hpp"\n#include "comm/frame.hpp"\n',
    "src/cli/main.cpp": '#include "config/options.hpp"\n#include "round/training.hpp"\n',
    "tests/learn/lenet_test.cpp": "#include <torch/torch.h>\nTEST(LeNet, Learns) {}\n",
    "cmake/Flags.cmake": "add_compile_options(-ffp-contract=off)\n",
    "tools/install-deps": "#!/bin/bash\nbuild='\ncmake     # the build\ng++       # the compiler\n'\napt-get install $build\n",
    "docs/use.md": "Run `src/work/x` or https://example.org/home/page; see ./root/x.\n",
}


class FencesTest(unittest.TestCase):
    def found(self, changes):
        """What the fences say of the sound tree with these files put in its place."""
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in (SOUND | changes).items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return fences.violations(root)

    def assert_broken(self, name, text, says):
        found = self.found({name: text})
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith(f"{name}: "), found)
        self.assertIn(says, found[0])

    def test_a_sound_tree_passes(self):
        self.assertEqual(self.found({}), [])

    def test_a_floor_above_may_not_be_included(self):
        self.assert_broken("src/base/log.cpp", '#include "kernels/sum.hpp"\n', "floor 2")

    def test_a_folder_of_the_same_floor_may_not_be_included(self):
        self.assert_broken("src/record/file.cpp", '#include "data/idx.hpp"\n', "floor 2")

    def test_a_stage_may_not_include_another_stage(self):
        self.assert_broken("src/stages/vote/vote.cpp", '#include "stages/bucket/bucket.hpp"\n', "stages/bucket")

    def test_a_folder_without_a_floor_is_refused(self):
        self.assert_broken("src/misc/all.cpp", "\n", "no floor")

    def test_an_include_in_a_comment_does_not_count(self):
        self.assertEqual(self.found({"src/base/log.cpp": '// #include "cli/command.hpp"\n'}), [])

    def test_torch_stays_in_learn(self):
        self.assert_broken("src/run/score.cpp", "#include <ATen/ATen.h>\n", "src/learn/torch/")

    def test_mpi_stays_in_its_transport(self):
        self.assert_broken("src/comm/frame.cpp", "#include <mpi.h>\n", "src/comm/mpi/")

    def test_a_public_header_includes_nothing_of_src(self):
        self.assert_broken("include/detox/rows.hpp", '#include "base/log.hpp"\n', "public header")

    def test_a_public_header_names_no_torch_type(self):
        self.assert_broken("include/detox/rows.hpp", "at::Tensor row();\n", "at::")

    def test_a_public_header_names_no_mpi_type(self):
        self.assert_broken("include/detox/rows.hpp", "MPI_Comm world();\n", "MPI_C")

    def test_a_stage_has_no_clock(self):
        self.assert_broken("src/stages/vote/vote.cpp", "#include <chrono>\n", "no clock")

    def test_a_round_that_is_made_by_hand(self):
        made = "ServerRound round({plan, format});\n"
        self.assert_broken("src/round/server_round.cpp", made, "detox::Session")
        self.assertEqual(self.found({"src/round/server_round.cpp": "void train(ServerRound& round);\n"}), [])

    def test_the_round_is_told_the_time(self):
        self.assert_broken("src/round/server_round.cpp", "auto now = std::chrono::steady_clock::now();\n", "passed in")
        self.assert_broken("src/round/server_round.cpp", "auto now = Clock::real().now();\n", "passed in")
        self.assertEqual(self.found({"src/round/server_round.cpp": "// steady_clock::now()\n"}), [])

    def test_a_test_file_without_a_test_is_refused(self):
        self.assert_broken("tests/base/other_test.cpp", "// TEST(Nothing, Yet)\n", "no test")

    def test_a_file_that_a_pattern_names_is_built(self):
        pattern = {"src/base/CMakeLists.txt": "file(GLOB ALL CONFIGURE_DEPENDS *.cpp)\n"}
        self.assertEqual(self.found(pattern | {"src/base/matched.cpp": "\n"}), [])
        self.assertEqual(len(self.found(pattern | {"src/base/below/missed.cpp": "\n"})), 1)

    def test_a_file_that_is_not_built_is_refused(self):
        self.assert_broken("src/base/forgotten.cpp", "\n", "not built")

    def test_the_server_holds_no_attack(self):
        self.assert_broken("src/round/server_round.cpp", '#include "stages/attack/alie.hpp"\n', "no attack code")

    def test_nor_does_what_the_server_includes(self):
        found = self.found({"src/round/server_round.cpp": '#include "config/plan.hpp"\n',
                            "src/config/plan.hpp": '#include "config/attack_options.hpp"\n',
                            "src/config/attack_options.hpp": '#include "stages/attack/attack.hpp"\n'})
        self.assertEqual(len(found), 1, found)
        self.assertIn("config/plan.hpp -> config/attack_options.hpp -> stages/attack/attack.hpp", found[0])

    def test_in_cli_only_commands_know_of_runs(self):
        self.assert_broken("src/cli/score.cpp", '#include "record/checkpoint.hpp"\n', "only main and the commands")
        self.assertEqual(self.found({"src/cli/score_command.cpp": '#include "record/checkpoint.hpp"\n'}), [])

    def test_a_file_of_601_lines_is_refused_and_one_of_600_is_not(self):
        self.assert_broken("src/base/long.cpp", "\n" * 601, "601 lines")
        self.assertEqual(self.found({"src/base/long.cpp": "\n" * 600}), [])

    def test_a_registry_keeps_to_its_columns(self):
        name = "src/stages/vote/votes.def"
        self.assertEqual(self.found({name: "V" * 120 + "\n"}), [])
        self.assert_broken(name, "\n" + "V" * 121 + "\n", "line 2 has 121 columns")
        self.assert_broken(name, "VOTE(a,\tb)\n", "line 1 has a tab")
        self.assert_broken(name, "VOTE(a) \n", "ends in a space")

    def test_a_path_of_a_machine_is_refused(self):
        for folder in ("work", "root", "home"):
            self.assert_broken("docs/use.md", f"first\nsee /{folder}/someone/file\n", "line 2")

    def test_flags_that_change_bits_are_refused(self):
        for flag in ("-march=native", "-ffast-math", "-ffp-contract=fast"):
            self.assert_broken("cmake/Flags.cmake", f"add_compile_options({flag})\n", flag)

    def test_a_package_without_a_reason_is_refused(self):
        self.assert_broken("tools/install-deps", "build='\ncmake  # the build\nninja-build\n'\n", "ninja-build")

    def test_a_package_that_lies_here_is_no_dependency(self):
        self.assertEqual(self.found({"docs/use.md": "sudo apt install ./gdb.deb\n"}), [])

    def test_a_dependency_declared_elsewhere_is_refused(self):
        self.assert_broken("docs/use.md", "sudo apt-get -y install gdb\n", "tools/install-deps")
        self.assert_broken("cmake/Flags.cmake", "FetchContent_Declare(fmt)\n", "tools/install-deps")
        self.assert_broken("python/requirements.txt", "numpy\n", "tools/install-deps")


if __name__ == "__main__":
    unittest.main()
