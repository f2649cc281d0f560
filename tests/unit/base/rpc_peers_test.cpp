// SPDX-License-Identifier: GPL-2.0-or-later
// Who may call what: the server's own user everything, members of its group what is not its own.
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "base/failure.hpp"
#include "base/fd.hpp"
#include "base/rpc.hpp"

namespace xcp {
namespace {

constexpr unsigned nobody = 65534;

rpc::Method says(const char* word) {
  return [word](const json::array&, FdTable&) -> json::value { return word; };
}

// What the peer reads when it calls `method`.
std::string call(const std::string& path, const std::string& method) {
  const auto link = connect_unix(path);
  if (!link) return "no connection";
  write_all(link->get(), R"({"jsonrpc":"2.0","id":1,"method":")" + method + "\",\"params\":[]}\n");
  std::string reply(4096, '\0');
  reply.resize(read_some(link->get(), reply.data(), reply.size()));
  return reply;
}

// The same of another user and group.
std::string call_as(unsigned id, const std::string& path, const std::string& method) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    const bool changed = setgroups(0, nullptr) == 0 && setgid(id) == 0 && setuid(id) == 0;
    const std::string reply = changed ? call(path, method) : "not root";
    write_all(ends[1], reply);
    _exit(0);
  }
  close(ends[1]);
  std::string reply(4096, '\0');
  reply.resize(read_some(ends[0], reply.data(), reply.size()));
  close(ends[0]);
  waitpid(child, nullptr, 0);
  return reply;
}

TEST(RpcServer, MethodsOfItsOwnUserAreRefusedToTheGroup) {
  ASSERT_EQ(geteuid(), 0u) << "this test takes on another user's identity";
  const auto directory = std::filesystem::temp_directory_path() / std::to_string(getpid());
  std::filesystem::create_directory(directory);
  chmod(directory.c_str(), 0755);
  const std::string path = directory / "socket";
  {
    const std::string group = std::to_string(nobody);
    rpc::Server server(listen_unix(path, 0660, group), {{"for.all", says("open")}}, group,
                       {{"for.root", says("own")}});
    EXPECT_NE(call(path, "for.all").find("open"), std::string::npos);
    EXPECT_NE(call(path, "for.root").find("own"), std::string::npos);
    EXPECT_NE(call(path, "for.none").find("no method"), std::string::npos);
    EXPECT_NE(call_as(nobody, path, "for.all").find("open"), std::string::npos);
    EXPECT_NE(call_as(nobody, path, "for.root").find("OPERATION_NOT_ALLOWED"), std::string::npos);
  }
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace xcp
