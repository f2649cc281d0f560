// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzzes the command line: messages of the protocol, and the body of an opening request, which is
// run as a whole against a host in memory. Must never crash, and a message that is understood must
// come out the same when it is written again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "../unit/cli/fake.hpp"
#include "base/cli_protocol.hpp"
#include "xapi/cli/server.hpp"

namespace {

void fuzz_message(std::string_view payload) {
  const auto message = xcp::cli::decode(payload);
  if (!message) return;
  const std::string again = xcp::cli::encode(*message);
  if (std::string_view(again).substr(4) != payload) std::abort();
}

void fuzz_command_line(std::string_view body) {
  using namespace xcp::cli;
  testing::FakeHost host;
  testing::furnish(host);
  testing::FakeDoor door(host);
  testing::FakeTerminal terminal;
  terminal.gone = true;  // or else event-wait waits for what never happens
  terminal.answer = "yes";
  terminal.transfer = [](const std::string&) { return false; };
  const int status = run_command_line(words_of_body(body), door, terminal);
  const bool left_waiting = status == 1 && body.find("event-wait") != std::string_view::npos;
  if (!left_waiting && !terminal.shown.ends_with("exit " + std::to_string(status) + "\n"))
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.empty()) return 0;
  // The first byte chooses what the rest is.
  if (input.front() == 'm')
    fuzz_message(input.substr(1));
  else
    fuzz_command_line(input.substr(1));
  return 0;
}
