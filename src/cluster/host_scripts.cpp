#include "cluster/host_scripts.hpp"

#include <fmt/format.h>

#include "base/shell_line.hpp"

namespace detox {
namespace {

/// As root by whatever way there is without a password.
constexpr const char* kAsRoot =
    "as_root() { if [ \"$(id -u)\" = 0 ]; then \"$@\"; else sudo -n \"$@\"; fi; }\n";

std::string assigned(const char* name, const std::string& value) {
  return fmt::format("{}={}\n", name, shell_quoted(value));
}

}  // namespace

std::string describe_host_script() {
  return R"sh(
if [ -r /etc/os-release ]; then . /etc/os-release; fi
echo "$(uname -m) ${ID:-unknown} ${VERSION_ID:-}"
)sh";
}

std::string server_key_script(const std::string& cluster) {
  return assigned("name", cluster) + R"sh(
set -e
umask 077
key=$HOME/.ssh/detoxml/$name
mkdir -p "$HOME/.ssh/detoxml"
if [ ! -s "$key" ] || [ ! -s "$key.pub" ]; then
  rm -f "$key" "$key.pub"
  ssh-keygen -q -t ed25519 -N '' -C "detoxml $name" -f "$key" </dev/null
fi
cat "$key.pub"
)sh";
}

std::string authorize_script(const std::string& public_key) {
  return assigned("key", public_key) + R"sh(
set -e
umask 077
file=$HOME/.ssh/authorized_keys
mkdir -p "$HOME/.ssh"
if [ -f "$file" ] && grep -qxF -- "$key" "$file"; then exit 0; fi
if [ -s "$file" ] && [ -n "$(tail -c 1 "$file")" ]; then echo >>"$file"; fi
printf '%s\n' "$key" >>"$file"
)sh";
}

std::string server_settings_script(const ClusterConfig& config,
                                   const std::vector<std::string>& peers) {
  std::string settings = "Host";
  for (const std::string& peer : peers) settings += ' ' + peer;
  settings += "\n  IdentityFile \"@key\"\n  UserKnownHostsFile \"@key.known_hosts\"\n";
  settings += "  StrictHostKeyChecking yes\n";
  if (config.ssh_port != 0) settings += fmt::format("  Port {}\n", config.ssh_port);
  return assigned("name", config.label()) + assigned("settings", settings) + R"sh(
set -e
umask 077
folder=$HOME/.ssh/detoxml
key=$folder/$name
cat >"$key.known_hosts.new"
mv "$key.known_hosts.new" "$key.known_hosts"
printf '%s' "$settings" | sed "s|@key|$key|" >"$key.config.new"
mv "$key.config.new" "$key.config"
line="Include \"$folder/*.config\""
config=$(readlink -f "$HOME/.ssh/config")
touch "$config"
if ! grep -qxF -- "$line" "$config"; then
  { printf '%s\n' "$line"; cat "$config"; } >"$config.detoxml"
  mv "$config.detoxml" "$config"
fi
)sh";
}

std::string reach_peer_script(const std::string& peer) {
  return fmt::format(
      "ssh -o BatchMode=yes -o ConnectTimeout=10 -o LogLevel=ERROR -- {} true </dev/null",
      shell_quoted(peer));
}

std::string run_input_script(const std::vector<std::string>& arguments) {
  return fmt::format(R"sh(
file=$(mktemp) || exit 1
trap 'rm -f "$file"' EXIT
cat >"$file"
bash "$file" {} </dev/null
)sh",
                     shell_line(arguments));
}

std::string make_folder_script(const std::string& folder) {
  return kAsRoot + assigned("folder", folder) + R"sh(
mkdir -p "$folder" 2>/dev/null || as_root install -d -o "$(id -u)" -g "$(id -g)" "$folder" || exit 1
if [ ! -w "$folder" ]; then
  echo "$folder belongs to $(stat -c %U "$folder") and $(id -un) may not write to it" >&2
  exit 1
fi
)sh";
}

std::string put_in_place_script(const std::string& uploaded, const std::string& file,
                                const std::string& checksum) {
  return assigned("uploaded", uploaded) + assigned("file", file) + assigned("checksum", checksum) +
         R"sh(
found=$(sha256sum "$uploaded" | cut -c 1-64)
if [ "$found" != "$checksum" ]; then
  echo "$uploaded came with another checksum" >&2
  rm -f "$uploaded"
  exit 1
fi
chmod 755 "$uploaded" && mv "$uploaded" "$file"
)sh";
}

std::string mount_script(const ClusterConfig& config) {
  return kAsRoot + assigned("folder", config.nfs_mount_point) +
         assigned("source", fmt::format("{}:{}", config.nfs_ip_address, config.nfs_export)) + R"sh(
mounted=$(findmnt -n -o SOURCE --mountpoint "$folder" | tail -n 1)
if [ "$mounted" = "$source" ]; then echo already; exit 0; fi
if [ -n "$mounted" ]; then
  echo "$folder is left alone: $mounted is mounted there, and not $source" >&2
  exit 1
fi
if [ -e "$folder" ] && [ ! -d "$folder" ]; then
  echo "$folder is left alone: it is not a folder" >&2
  exit 1
fi
if [ -d "$folder" ] && [ -n "$(as_root ls -A "$folder")" ]; then
  echo "$folder is left alone: it is not empty, and nothing is mounted over files" >&2
  exit 1
fi
[ -d "$folder" ] || as_root mkdir -p "$folder" || exit 1
as_root timeout 90 mount -t nfs4 -o hard,timeo=600,retrans=2 "$source" "$folder" || exit 1
if [ ! -w "$folder" ]; then
  echo "mounted, but $(id -un) may not write to it: sudo chown $(id -un) $folder, on one host"
fi
)sh";
}

}  // namespace detox
