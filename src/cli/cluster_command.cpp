// `detoxml cluster`: its commands and options. The work is in src/cluster.
#include <memory>

#include "cli/cluster_options.hpp"
#include "cli/command.hpp"

namespace detox {
namespace {

constexpr double kLongestLimit = 30.0 * 86'400;

void add_file(CLI::App& app, ClusterOptions& options) {
  app.add_option("-c,--cluster", options.cluster_file, "what the cluster is (docs/cluster.md)")
      ->capture_default_str()
      ->type_name("FILE");
}

void add_seconds(CLI::App& app, const char* name, double& value, const char* help) {
  app.add_option(name, value, help)
      ->capture_default_str()
      ->type_name("X")
      ->check(CLI::Range(0.1, kLongestLimit).description(""));
}

void add_dry_run(CLI::App& app, ClusterOptions& options) {
  app.add_flag("--dry-run", options.dry_run, "print each call of the AWS CLI, and make none");
}

void add_launch(CLI::App& cluster, ClusterOptions& options) {
  CLI::App& app =
      *cluster.add_subcommand("launch", "start machines on EC2, or what is missing of them");
  add_file(app, options);
  add_dry_run(app, options);
  add_seconds(app, "--start-timeout", options.start_limit_s,
              "seconds until all run and have passed EC2's checks");
  add_seconds(app, "--capacity-timeout", options.capacity_limit_s,
              "seconds to wait until EC2 has machines, spot ones at the price");
  add_seconds(app, "--poll", options.poll_s, "seconds between two looks");
  app.footer(
      "May be interrupted and repeated: machines are neither lost nor made twice. Example:\n"
      "  detoxml cluster launch --cluster cluster.toml --dry-run");
}

void add_status_and_hosts(CLI::App& cluster, ClusterOptions& options) {
  CLI::App& status = *cluster.add_subcommand("status", "show what carries the cluster's tag");
  add_file(status, options);
  add_dry_run(status, options);
  status.footer("Example:\n  detoxml cluster status --cluster cluster.toml");
  CLI::App& hosts = *cluster.add_subcommand(
      "get_hosts", "write hosts_address, hosts and hosts_alias of the machines that run");
  add_file(hosts, options);
  hosts.add_option("-o,--output-dir", options.output_dir, "where to")
      ->capture_default_str()
      ->type_name("DIR");
  hosts.footer(
      "Example:\n  detoxml cluster get_hosts && detoxml cluster copy hosts_address . --on server");
}

void add_shutdown(CLI::App& cluster, ClusterOptions& options) {
  CLI::App& app = *cluster.add_subcommand("shutdown", "end what carries the cluster's tag");
  add_file(app, options);
  add_dry_run(app, options);
  app.add_flag("-y,--yes", options.yes, "do not ask");
  add_seconds(app, "--end-timeout", options.end_limit_s, "seconds until all have ended");
  add_seconds(app, "--poll", options.poll_s, "seconds between two looks");
  app.footer(
      "Lists it and asks first. Example:\n  detoxml cluster shutdown --cluster cluster.toml");
}

void add_hosts_options(CLI::App& app, ClusterOptions& options) {
  add_file(app, options);
  app.add_option("--hostfile", options.hostfile,
                 "any machines, an address a line, the server first [the cluster's own]")
      ->type_name("FILE");
  app.add_option("--user", options.user, "on the machines [ssh_username, or ssh's choice]")
      ->type_name("NAME");
  app.add_option("--key", options.key_file, "private key [path_to_keyfile, or ssh's choice]")
      ->type_name("FILE");
  app.add_option("--ssh-config", options.ssh_config, "in place of ~/.ssh/config, as ssh -F")
      ->type_name("FILE");
  add_seconds(app, "--connect-timeout", options.connect_limit_s,
              "seconds to wait for a machine, up to three times");
}

void add_prepare_hosts(CLI::App& cluster, ClusterOptions& options) {
  CLI::App& app = *cluster.add_subcommand("prepare", "make machines ready for detoxml launch");
  add_hosts_options(app, options);
  app.add_option("--install-dir", options.install_dir,
                 "where the program goes, the same on all [install_dir, or /opt/detoxml]")
      ->type_name("PATH");
  app.add_option("--dataset", options.datasets, "data sets to prepare [datasets]")
      ->type_name("DATASET");
  app.add_option("--data-dir", options.data_dir,
                 "where data goes [data_dir, or data in the shared file system or install_dir]")
      ->type_name("PATH");
  app.add_option("--data-from", options.data_from,
                 "copy data sets from this folder here [each machine downloads them]")
      ->type_name("DIR");
  app.add_option("--skip", options.skipped, "leave out a step")
      ->type_name("keys|packages|program|mount|data");
  add_seconds(app, "--step-timeout", options.step_limit_s,
              "seconds for the packages, the program and each data set");
  app.footer(
      "Steps: reach the machines; keys, so that the server reaches all by ssh; the packages of "
      "install-deps; the\n"
      "program; the shared file system (nfs_*), mounted where nothing is in the way; data. What is "
      "done already is\n"
      "left as it is, so it may be repeated. Examples:\n"
      "  detoxml cluster prepare --cluster cluster.toml --dataset Cifar10\n"
      "  detoxml cluster prepare --hostfile hosts_address --user trainer --key ~/.ssh/id_ed25519");
}

void add_on(CLI::App& app, ClusterOptions& options, const std::string& which) {
  app.add_option("--on", options.on,
                 which + ": all, server, workers, or a host by name; may be repeated")
      ->capture_default_str()
      ->allow_extra_args(false)  // a list of words would end at the --, and take it away
      ->type_name("HOST");
}

void add_run(CLI::App& cluster, ClusterOptions& options) {
  CLI::App& app = *cluster.add_subcommand("run", "run a command on machines");
  add_hosts_options(app, options);
  add_on(app, options, "which");
  add_seconds(app, "--timeout", options.run_limit_s, "seconds that it may take");
  app.add_option("command", options.command, "After --: the command; one word is a line for sh")
      ->required();
  app.footer(
      "Each line of output follows its host's name. The program's folder comes first on PATH. The "
      "exit code is the\n"
      "command's own where it runs on one host; else 1 where it failed on any. Examples:\n"
      "  detoxml cluster run -- uptime\n"
      "  detoxml cluster run --on server -- detoxml launch -n 46 --hostfile hosts_address -- train "
      "--worker-fail 5");
}

void add_copy(CLI::App& cluster, ClusterOptions& options) {
  CLI::App& app =
      *cluster.add_subcommand("copy", "copy a file or a folder to machines, or from the server");
  add_hosts_options(app, options);
  app.add_option("FROM", options.from, "a file or a folder")->required()->type_name("FILE");
  app.add_option("TO", options.to, "its name there, or a folder that is there")
      ->required()
      ->type_name("FILE");
  add_on(app, options, "to which");
  app.add_flag("--from-server", options.from_server, "FROM is on the server and TO here");
  add_seconds(app, "--timeout", options.run_limit_s, "seconds that it may take");
  app.footer(
      "Examples:\n"
      "  detoxml cluster copy run.toml . --on server\n"
      "  detoxml cluster copy --from-server output/models results");
}

}  // namespace

Command cluster_command(CLI::App& program) {
  CLI::App* app =
      program.add_subcommand("cluster", "start, prepare and end machines, on EC2 or your own");
  auto options = std::make_shared<ClusterOptions>();
  app->require_subcommand(1);
  add_launch(*app, *options);
  add_status_and_hosts(*app, *options);
  add_prepare_hosts(*app, *options);
  add_run(*app, *options);
  add_copy(*app, *options);
  add_shutdown(*app, *options);
  app->footer(
      "From nothing to a trained model:\n"
      "  detoxml cluster launch && detoxml cluster prepare && detoxml cluster get_hosts\n"
      "  detoxml cluster copy hosts_address . --on server\n"
      "  detoxml cluster run --on server -- detoxml launch -n 9 --hostfile hosts_address -- train\n"
      "  detoxml cluster shutdown");
  return {app, [app, options] {
            const CLI::App& chosen = *app->get_subcommands().front();
            options->is_file_given = chosen.count("--cluster") > 0;
            const std::string name = chosen.get_name();
            if (name == "launch") return cluster_launch(*options);
            if (name == "status") return cluster_status(*options);
            if (name == "get_hosts") return cluster_get_hosts(*options);
            if (name == "prepare") return cluster_prepare(*options);
            if (name == "run") return cluster_run(*options);
            return name == "copy" ? cluster_copy(*options) : cluster_shutdown(*options);
          }};
}

}  // namespace detox
