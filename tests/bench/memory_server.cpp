// SPDX-License-Identifier: GPL-2.0-or-later
// The peer of the API benchmarks: xapi's HTTP library answering every POST with bytes that lie in
// memory. POST /<name> gets the file <name> of the directory given, read at the start.
//   xcp_bench_memory_server SOCKET PORT CERTIFICATE DIRECTORY
// Serves until its standard input ends; "ready" on standard output once it listens.
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "base/fd.hpp"
#include "xapi/http/server.hpp"

namespace {

using Bytes = std::shared_ptr<const std::string>;

std::map<std::string, Bytes> files_of(const std::string& directory) {
  std::map<std::string, Bytes> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    auto bytes = xcp::read_file(entry.path().string());
    files["/" + entry.path().filename().string()] =
        std::make_shared<const std::string>(std::move(*bytes));
  }
  return files;
}

void answer(const std::map<std::string, Bytes>& files, xcp::http::Exchange& exchange) {
  const auto found = files.find(exchange.request().path);
  if (found == files.end()) {
    exchange.reply(xcp::http::error_page(404, "There is no such file."));
    return;
  }
  xcp::http::Response response;
  response.headers.emplace_back("Content-Type", "application/octet-stream");
  response.body.push_back(found->second);
  exchange.reply(std::move(response));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "xcp_bench_memory_server SOCKET PORT CERTIFICATE DIRECTORY\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  try {
    const auto files = files_of(argv[4]);
    xcp::http::Server server(
        {}, [](const xcp::http::Request&) { return xcp::http::BodyDecision{}; },
        [&files](std::shared_ptr<xcp::http::Exchange> exchange) { answer(files, *exchange); });
    server.set_certificate(argv[3]);
    server.listen_unix(argv[1], 0600);
    server.listen_tcp("127.0.0.1", static_cast<std::uint16_t>(std::atoi(argv[2])), true);
    server.start();
    std::puts("ready");
    std::fflush(stdout);
    char buffer[64];
    while (xcp::read_some(0, buffer, sizeof buffer) > 0) continue;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
