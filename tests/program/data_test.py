"""detoxml data, from outside: files served from this machine, the real checksums.

Debian's Fashion-MNIST is the published one but for the gzip headers, from which name and time were taken out. With them
put back the files have the published checksums, so that downloads can succeed without a network.
"""

import gzip
import pathlib
import shutil
import signal
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from loopback import Server
from program import DATA, PATIENCE, ProgramTest, main, run, start, wait_for

TIMES = {"train-images-idx3-ubyte": 1504176606, "train-labels-idx1-ubyte": 1504176606,
         "t10k-images-idx3-ubyte": 1504176627, "t10k-labels-idx1-ubyte": 1504176627}
IMAGES = "train-images-idx3-ubyte.gz"
# Nothing listens there: every download fails at once, network or not.
NO_NETWORK = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy", "HTTPS_PROXY")}


def published():
    """The four files as they are published."""
    files = {}
    for name, seconds in TIMES.items():
        packed = (DATA / f"{name}.gz").read_bytes()
        header = packed[:3] + b"\x08" + seconds.to_bytes(4, "little") + packed[8:10]
        files[f"{name}.gz"] = header + name.encode() + b"\0" + packed[10:]
    return files


FILES = published()


class DataTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.own = self.folder / "data" / "FashionMNIST"

    def data(self, *arguments, **keywords):
        keywords.setdefault("env", {"no_proxy": "127.0.0.1"})
        return run("data", *arguments, cwd=self.folder, **keywords)

    def prepare(self, server, *options):
        return self.data("prepare", "FashionMNIST", "--url", server.url, *options)

    def ok(self, result):
        self.assertEqual(result.code, 0, result.err)
        return result

    def names(self, folder=None):
        return sorted(path.name for path in (folder or self.own).iterdir())


class Download(DataTest):
    def test_is_verified_and_done_once(self):
        with Server(FILES) as server:
            result = self.ok(self.prepare(server))
            self.assertEqual(result.out, "FashionMNIST: downloaded and verified: data/FashionMNIST\n")
            self.assertIn(f"FashionMNIST {IMAGES}  26.4 of 26.4 MB", result.err)
            self.assertEqual(self.names(), sorted(FILES))
            self.assertEqual(len(server.requests), 4)
            self.assertIn("already there, verified", self.ok(self.prepare(server)).out)
            self.assertEqual(len(server.requests), 4)
        self.assertIn("4 files as published", self.ok(self.data("verify", "FashionMNIST", "--data-dir", "data")).out)
        self.assertIn("60000", self.ok(self.data("info", "fashion-mnist", "--data-dir", "data")).out)

    def test_goes_on_where_connections_are_cut(self):
        with Server(FILES, lambda h, body, n: n < 3 and (server.send(h, body, upto=len(body) // 5) or True)) as server:
            self.ok(self.prepare(server))
            ranges = [asked for path, asked in server.requests if path.endswith(IMAGES)]
            self.assertEqual(ranges[0], None)
            self.assertRegex(ranges[1], r"^bytes=[1-9]\d*-$")
        self.assertEqual((self.own / IMAGES).read_bytes(), FILES[IMAGES])

    def test_begins_anew_where_a_server_ignores_the_range(self):
        with Server(FILES, lambda h, body, n: n < 1 and (server.send(h, body, upto=len(body) // 2) or True),
                    resumes=False) as server:
            self.ok(self.prepare(server))
        self.assertEqual((self.own / IMAGES).read_bytes(), FILES[IMAGES])

    def test_that_stalls_is_tried_again(self):
        tried_again = threading.Event()

        def stall(handler, body, number):
            if not handler.path.endswith(IMAGES):
                return False
            if number > 0:
                tried_again.set()
                return False
            server.send(handler, body, upto=1000)
            tried_again.wait(PATIENCE)
            return True

        with Server(FILES, stall) as server:
            self.ok(self.prepare(server, "--stall-timeout", 1))
            self.assertTrue(tried_again.is_set())

    def test_follows_a_redirect(self):
        def redirect(handler, _, __):
            if handler.path.startswith("/files/moved/"):
                return False
            handler.send_response(302)
            handler.send_header("Location", handler.path.replace("/files/", "/files/moved/"))
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return True

        with Server(FILES | {f"moved/{name}": body for name, body in FILES.items()}, redirect) as server:
            self.ok(self.prepare(server))

    def test_that_was_killed_leaves_a_part_and_goes_on(self):
        go_on = threading.Event()
        self.addCleanup(go_on.set)
        slow = lambda h, body, n: h.path.endswith(IMAGES) and n == 0 and (server.send(h, body, trickle=go_on) or True)
        with Server(FILES, slow) as server:
            process = start("data", "prepare", "FashionMNIST", "--url", server.url, cwd=self.folder,
                            env={"no_proxy": "127.0.0.1"})
            part = self.own / f"{IMAGES}.part"
            self.assertTrue(wait_for(lambda: part.exists() and part.stat().st_size > 300_000))
            self.assert_refused(self.prepare(server), 1, "another detoxml is preparing data there")
            process.send_signal(signal.SIGKILL)
            process.communicate()
            self.assertEqual([n for n in self.names() if not n.endswith(".part")],
                             ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"])
            self.ok(self.prepare(server))
            asked = [asked for path, asked in server.requests if path.endswith(IMAGES)][-1]
            self.assertGreater(int(asked.removeprefix("bytes=").rstrip("-")), 300_000)
        self.assertEqual(self.names(), sorted(FILES))

    def test_of_wrong_bytes_is_refused_and_leaves_nothing(self):
        name = "t10k-labels-idx1-ubyte.gz"
        spoiled = bytearray(FILES[name])
        spoiled[100] ^= 1
        with Server(FILES | {name: bytes(spoiled)}) as server:
            self.assert_refused(self.prepare(server), 1, name, "not the published file and was not kept", "SHA-256")
        self.assertEqual(self.names(), ["t10k-images-idx3-ubyte.gz"])
        with Server(FILES | {name: FILES[name] + b"more"}) as server:
            self.assert_refused(self.prepare(server), 1, "it offers 5152 bytes, the published file has 5148")
        self.assertEqual([n for n in self.names() if not n.endswith(".part")], ["t10k-images-idx3-ubyte.gz"])

    def test_never_touches_what_is_in_the_way(self):
        self.own.mkdir(parents=True)
        (self.own / IMAGES).write_bytes(gzip.compress(b"mine"))
        before = (self.own / IMAGES).read_bytes()
        with Server(FILES) as server:
            self.assert_refused(self.prepare(server), 1, IMAGES, "move it away", "nothing is overwritten")
            self.assertEqual(server.requests, [])
        self.assertEqual((self.own / IMAGES).read_bytes(), before)

    def test_that_finds_nothing_says_what_to_put_where(self):
        with Server({}) as server:
            self.assert_refused(self.prepare(server), 1, "HTTP status 404", "train-images-idx3-ubyte.gz",
                                "https://raw.githubusercontent.com/", "put them into data/FashionMNIST")

    def test_without_a_network_says_what_to_get_from_where(self):
        result = self.data("prepare", "Cifar10", "--data-dir", "d", env=NO_NETWORK)
        self.assert_refused(result, 1, "cifar-10-binary.tar.gz", "https://www.cs.toronto.edu/~kriz/",
                            "https://cave.cs.toronto.edu/kriz/", "put it into d/Cifar10")

    def test_of_several_goes_on_after_a_failure(self):
        with Server(FILES) as server:
            result = self.data("prepare", "MNIST", "FashionMNIST", "--url", server.url, "--data-dir", "d")
        self.assert_refused(result, 1, "1 of 2 data sets failed", "MNIST")
        self.assertIn("FashionMNIST: downloaded and verified", result.out)


class Package(DataTest):
    def test_of_debian_needs_no_download(self):
        result = self.ok(self.data("prepare", "FashionMNIST", env=NO_NETWORK))
        self.assertIn("already there, verified: /usr/share/datasets/fashion-mnist", result.out)
        self.assertIn("needs no downloading", result.out)
        self.assertFalse((self.folder / "data").exists())
        self.assertIn("FashionMNIST: 4 files as published", self.ok(self.data("verify")).out)

    def test_of_debian_in_another_folder_counts_by_its_content(self):
        shutil.copytree(DATA, self.own)
        self.assertIn("already there, verified: data/FashionMNIST",
                      self.ok(self.data("prepare", "FashionMNIST", env=NO_NETWORK)).out)


class Verify(DataTest):
    def test_names_every_file_that_is_wrong(self):
        shutil.copytree(DATA, self.own)
        labels = self.own / "t10k-labels-idx1-ubyte.gz"
        plain = bytearray(gzip.decompress(labels.read_bytes()))
        plain[100] ^= 1
        labels.write_bytes(gzip.compress(bytes(plain)))
        (self.own / IMAGES).write_bytes(FILES[IMAGES][:-1000])
        self.assert_refused(self.data("verify", "--data-dir", "data"), 1, str(labels.relative_to(self.folder)),
                            "SHA-256", f"{IMAGES}: truncated")
        labels.unlink()
        (self.own / IMAGES).write_bytes(FILES[IMAGES])
        self.assert_refused(self.data("verify", "FashionMNIST", "--data-dir", "data"), 1, "lacks t10k-labels-idx1-ubyte")

    def test_says_where_there_is_nothing(self):
        self.assert_refused(self.data("verify", "--data-dir", "d"), 1, "no data set found in d")
        self.assert_refused(self.data("verify", "SVHN", "--data-dir", "d"), 1, "nothing found in d/SVHN")


class Synthetic(DataTest):
    def test_is_generated_shown_and_verified(self):
        made = self.ok(self.data("prepare", "synthetic-cifar10", "--samples", 500, "--data-dir", "d"))
        self.assertIn("generated (synthetic images, seed 428): d/synthetic-cifar10", made.out)
        self.assertEqual(self.names(self.folder / "d"), ["synthetic-cifar10"])
        self.assertIn("7 files as generated (synthetic images)", self.ok(self.data("verify", "--data-dir", "d")).out)
        shown = self.ok(self.data("info", "synthetic-cifar10", "--data-dir", "d", "--sheet", "sheet.png")).out
        for text in ("SYNTHETIC", "train 500, test 100 images of 3 x 32 x 32", "10 classes", "striped disc"):
            self.assertIn(text, shown)
        self.assertRegex(shown, r"(?m)^ +9 +checked cross +50 +10$")
        sheet = (self.folder / "sheet.png").read_bytes()
        self.assertEqual(sheet[:8], b"\x89PNG\r\n\x1a\n")
        self.assertEqual(int.from_bytes(sheet[16:20], "big"), 2 + 10 * 34)
        self.assertIn("already there", self.ok(self.data("prepare", "synthetic-cifar10", "--samples", 500,
                                                         "--data-dir", "d")).out)
        trained = self.run_ok("train", "--dataset", "synthetic-cifar10", "--data-dir", "d", "--batch-size", 2, "--max-steps", 1,
                              "--train-dir", "run")
        scored = self.run_ok("evaluate", "--model-dir", "run")
        for result in (trained, scored):
            self.assertIn("synthetic-cifar10: every image was generated\n", result.err)

    def test_depends_on_the_seed_alone(self):
        for name, seed, threads in (("a", 5, 1), ("b", 5, 3), ("c", 6, 1)):
            self.ok(self.data("prepare", "synthetic-cifar100", "--samples", 200, "--seed", seed, "--threads", threads,
                              "--data-dir", name))
        train = [(self.folder / name / "synthetic-cifar100" / "cifar-100-binary" / "train.bin").read_bytes()
                 for name in "abc"]
        self.assertEqual(train[0], train[1])
        self.assertNotEqual(train[0], train[2])

    def test_of_another_seed_is_not_replaced(self):
        self.ok(self.data("prepare", "synthetic-cifar10", "--samples", 50))
        self.assert_refused(self.data("prepare", "synthetic-cifar10", "--samples", 50, "--seed", 7), 1,
                            "holds synthetic-cifar10, version 1, seed 428, 50 train, 10 test")

    def test_that_was_killed_is_generated_again(self):
        process = start("data", "prepare", "synthetic-cifar10", "--threads", 1, cwd=self.folder)
        part = self.folder / "data" / "synthetic-cifar10.part"
        self.assertTrue(wait_for(lambda: list(part.glob("*/*/data_batch_1.bin"))))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        self.assertEqual(self.names(self.folder / "data"), ["synthetic-cifar10.part"])
        self.ok(self.data("prepare", "synthetic-cifar10", "--samples", 50))
        self.assertEqual(self.names(self.folder / "data"), ["synthetic-cifar10"])


class Usage(DataTest):
    def test_unknown_names_list_the_valid_ones_before_anything_is_done(self):
        for command in ("prepare", "verify"):
            self.assert_refused(self.data(command, "synthetic-cifar10", "MINST"), 2, "unknown data set 'MINST'",
                                "did you mean MNIST?", "synthetic-cifar100")
        self.assert_refused(self.data("info", "MINST"), 2, "did you mean MNIST?")
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_values_that_are_no_values(self):
        for options, says in ((["--samples", 70], "--samples 70"), (["--samples", 0], "--samples"),
                              (["--url", "ftp://x"], "--url ftp://x"), (["--stall-timeout", 0], "--stall-timeout"),
                              (["--sample", 50], "unknown option of 'data prepare' '--sample'")):
            self.assert_refused(self.data("prepare", "synthetic-cifar10", *options), 2, says)
        self.assert_refused(self.data(), 2, "detoxml data --help")
        self.assert_refused(self.data("prepair"), 2, "unknown data command 'prepair'", "did you mean prepare?")
        self.assert_refused(self.data("prepare"), 2, "NAME")

    def test_help_shows_defaults_and_examples(self):
        for command in ((), ("prepare",), ("verify",), ("info",)):
            text = self.ok(self.data(*command, "--help")).out
            self.assertIn("Example", text)
            self.assertIn("detoxml data", text)


main()
