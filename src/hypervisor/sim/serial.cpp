// SPDX-License-Identifier: GPL-2.0-or-later
// The serial line of a simulated guest: made from how far the guest has booted, so nothing is kept
// for guests nobody looks at.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "hypervisor/sim/consoles.hpp"

namespace xcp::hypervisor::sim {

namespace {

// Spread evenly over the boot. {0} memory in MiB, {1} vCPUs, {2} host name, {3} uuid.
constexpr std::array boot_log = {
    "Simulated firmware 1.0, uuid {3}",
    "Booting from the first disk...",
    "Loading Linux 6.1.0-sim-amd64 ...",
    "Loading initial ramdisk ...",
    "[    0.000000] Linux version 6.1.0-sim-amd64 (simulated) #1 SMP",
    "[    0.000000] Command line: root=/dev/vda1 ro console=ttyS0,115200",
    "[    0.004210] Hypervisor detected: simulated",
    "[    0.021377] Memory: {0} MiB available",
    "[    0.034012] smp: Bringing up {1} CPUs ...",
    "[    0.198433] clocksource: simulated-clock: mask 0xffffffffffffffff",
    "[    0.412280] virtio_blk virtio1: [vda] simulated disk",
    "[    0.433914] virtio_net virtio2 eth0: link is up",
    "[    0.871002] Freeing unused kernel image memory",
    "[    0.900415] Run /init as init process",
    "[    1.402233] EXT4-fs (vda1): mounted filesystem with ordered data mode",
    "[    1.998120] systemd[1]: Hostname set to <{2}>.",
    "[  OK  ] Reached target Local File Systems.",
    "[  OK  ] Started Journal Service.",
    "[  OK  ] Started Raise network interfaces.",
    "[  OK  ] Reached target Network.",
    "[  OK  ] Started Regular background program processing daemon.",
    "[  OK  ] Started Guest Agent.",
    "[  OK  ] Reached target Multi-User System.",
};
constexpr auto boot_lines = static_cast<std::int64_t>(boot_log.size());

std::string boot_line(const ConsoleView& view, std::int64_t index) {
  return fmt::format(fmt::runtime(boot_log[static_cast<std::size_t>(index)]),
                     view.memory_bytes >> 20, view.vcpus, view.host_name, view.uuid) +
         "\r\n";
}

// When line `index` appears, in milliseconds after the boot began.
std::int64_t line_due_ms(const ConsoleView& view, std::int64_t index) {
  return view.boot_length_ms * index / boot_lines;
}

class Serial : public ConsoleSession {
 public:
  explicit Serial(CommandSink commands) : commands_(std::move(commands)) {}

  bool take(std::string_view bytes, std::string& out) override;
  std::int64_t follow(const ConsoleView& view, std::string& out) override;

 private:
  enum class At { boot, login, password, shell, down };

  void prompt(std::string& out);
  void line_entered(std::string& out);
  void shell_line(std::string& out);

  const CommandSink commands_;
  ConsoleView view_;
  std::int64_t boots_shown_ = 0;
  std::int64_t lines_shown_ = 0;
  At at_ = At::boot;
  std::string user_;
  std::string line_;
};

void Serial::prompt(std::string& out) {
  switch (at_) {
    case At::login:
      out += view_.host_name + " login: ";
      return;
    case At::password:
      out += "Password: ";
      return;
    case At::shell:
      out += user_ + "@" + view_.host_name + ":~# ";
      return;
    case At::boot:
    case At::down:
      return;
  }
}

std::int64_t Serial::follow(const ConsoleView& view, std::string& out) {
  view_ = view;
  if (view.boots != boots_shown_) {
    boots_shown_ = view.boots;
    lines_shown_ = 0;
    line_.clear();
    at_ = At::boot;
  }
  if (view.boots == 0) return -1;
  if (view.crashed) {
    if (at_ != At::down) out += "\r\nKernel panic - not syncing: simulated crash\r\n";
    at_ = At::down;
    return -1;
  }
  if (at_ == At::boot) {
    while (lines_shown_ < boot_lines &&
           (view.up || line_due_ms(view, lines_shown_) <= view.since_boot_ms))
      out += boot_line(view, lines_shown_++);
    if (view.up) {
      out += "\r\nDebian GNU/Linux 12 " + view.host_name + " ttyS0\r\n\r\n";
      at_ = At::login;
      prompt(out);
    }
  }
  if (view.going_down && at_ != At::boot && at_ != At::down) {
    out += "\r\n[  OK  ] Stopped target Multi-User System.\r\n";
    at_ = At::down;
  }
  if (at_ != At::boot || !view.running || lines_shown_ == boot_lines) return -1;
  return std::max<std::int64_t>(1, line_due_ms(view, lines_shown_) - view.since_boot_ms);
}

void Serial::shell_line(std::string& out) {
  if (line_ == "poweroff") {
    commands_(GuestCommand::poweroff);
  } else if (line_ == "reboot") {
    commands_(GuestCommand::reboot);
  } else if (line_ == "crash") {
    commands_(GuestCommand::crash);
  } else if (line_ == "hostname") {
    out += view_.host_name + "\r\n";
  } else if (line_ == "uptime") {
    out += fmt::format("up {} s, boot {}\r\n", view_.since_boot_ms / 1000, view_.boots);
  } else if (line_ == "help") {
    out += "crash exit help hostname poweroff reboot uptime\r\n";
  } else if (line_ == "exit") {
    out += "\r\n";
    at_ = At::login;
  } else if (!line_.empty()) {
    out += line_ + ": command not found\r\n";
  }
}

void Serial::line_entered(std::string& out) {
  out += "\r\n";
  switch (at_) {
    case At::login:
      user_ = line_;
      if (!user_.empty()) at_ = At::password;
      break;
    case At::password:
      at_ = At::shell;
      break;
    case At::shell:
      shell_line(out);
      break;
    case At::boot:
    case At::down:
      break;
  }
  line_.clear();
  prompt(out);
}

bool Serial::take(std::string_view bytes, std::string& out) {
  constexpr std::size_t longest_line = 4096;
  // A stopped guest reads nothing; what is typed at a booting one is lost.
  if (!view_.running || at_ == At::boot || at_ == At::down) return true;
  for (const char c : bytes) {
    const bool echo = at_ != At::password;
    if (c == '\r' || c == '\n') {
      line_entered(out);
    } else if (c == 0x7f || c == '\b') {
      if (line_.empty()) continue;
      line_.pop_back();
      if (echo) out += "\b \b";
    } else if (static_cast<unsigned char>(c) >= 0x20 && line_.size() < longest_line) {
      line_ += c;
      if (echo) out += c;
    }
  }
  return true;
}

}  // namespace

std::unique_ptr<ConsoleSession> make_serial_session(CommandSink commands) {
  return std::make_unique<Serial>(std::move(commands));
}

}  // namespace xcp::hypervisor::sim
