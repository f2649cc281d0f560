// SPDX-License-Identifier: GPL-2.0-or-later
// hypervisor_contract_test --driver=libvirt|libxl|sim [--uri=URI] [--guest=DIR]: the contract,
// tested from outside, over a daemon with this driver. --guest: where make-test-guest keeps its
// work. On a host that has no tree: --daemon=PROGRAM --modules=DIR, and a guest that is made
// already. libxl wants
// --bridge=NAME, with 10.0.2.15 given out by DHCP.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/process.hpp"
#include "contract.hpp"

namespace {

using namespace xcp;
using namespace xcp::test;

std::string cache_directory() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const std::string base =
      cache != nullptr ? cache : std::string(home != nullptr ? home : "/root") + "/.cache";
  return base + "/kronos/test-guest";
}

void prepare_guest(const std::string& directory) {
  std::filesystem::create_directories(directory);
  Command make;
  make.argv = {XCP_SOURCE_DIR "/tests/guest/make-test-guest", directory};
  make.timeout = std::chrono::minutes(10);
  if (std::filesystem::exists(make.argv[0]) || !std::filesystem::exists(directory + "/stamp"))
    run_checked(make);
  world().kernel = {directory + "/vmlinuz", directory + "/initrd.img",
                    world().xen ? "console=hvc0" : "console=ttyS0"};
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  std::string uri;
  std::string guest = cache_directory();
  std::string daemon = XCP_HYPERVISORD;
  std::string modules = XCP_MODULE_DIR;
  world().driver = "sim";
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.starts_with("--driver="))
      world().driver = word.substr(9);
    else if (word.starts_with("--uri="))
      uri = word.substr(6);
    else if (word.starts_with("--guest="))
      guest = word.substr(8);
    else if (word.starts_with("--daemon="))
      daemon = word.substr(9);
    else if (word.starts_with("--modules="))
      modules = word.substr(10);
    else if (word.starts_with("--bridge="))
      world().bridge = word.substr(9);
    else {
      fmt::print(stderr, "unknown argument {}\n", word);
      return 2;
    }
  }
  char directory[] = "/tmp/xcp-contract-XXXXXX";
  if (mkdtemp(directory) == nullptr) return 2;
  world().directory = directory;
  world().real_guests = world().driver != "sim";
  world().xen = world().driver == "libxl";
  int status = 2;
  try {
    std::vector<std::string> arguments{"--driver", world().driver, "--module-dir", modules};
    if (world().xen)
      arguments.insert(arguments.end(), {"--option", "nic_alone=" + modules + "/nic-alone"});
    if (!uri.empty()) arguments.insert(arguments.end(), {"--uri", uri});
    const std::vector<std::string> options =
        world().real_guests ? std::vector<std::string>{"agent_eager_ms=300", "agent_calm_ms=2000"}
                            : std::vector<std::string>{"time_scale=0.02"};
    for (const std::string& option : options)
      arguments.insert(arguments.end(), {"--option", option});
    if (world().real_guests)
      prepare_guest(guest);
    else
      world().kernel = {"/boot/vmlinuz", "/boot/initrd.img", "console=ttyS0"};
    world().arguments = arguments;
    const std::string known = guest + "/qemu-capabilities";
    const std::string learned = world().directory + "/state/libvirt/cache";
    if (world().real_guests) copy_directory(known, learned);
    world().qemu_capabilities = known;
    world().daemon =
        std::make_unique<DaemonProcess>(std::vector<std::string>{daemon}, arguments, directory);
    status = RUN_ALL_TESTS();
    if (world().real_guests) copy_directory(learned, known);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
  }
  world().daemon.reset();
  std::filesystem::remove_all(directory);
  return status;
}
