// SPDX-License-Identifier: GPL-2.0-or-later
// What the command line needs from the rest of the server: calls of the API in the name of a
// session, a way in, and the user's terminal at the other end of the connection. One command uses
// each of them from one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datamodel/value.hpp"

namespace xcp::cli {

// A session. Its end logs out, if it has logged in.
class Api {
 public:
  virtual ~Api() = default;

  // The message's result, or the Failure it ended with. `arguments` are without the session and
  // have the types of the message's parameters; trailing ones with defaults may be missing.
  // Records hold every field on the wire, back references included.
  virtual model::Value call(std::string_view method, std::vector<model::Value> arguments) = 0;

  // The reference of the session, for URLs of file transfers.
  virtual std::string session() const = 0;

  // The class of the object with that reference; nullopt when there is none.
  virtual std::optional<std::uint16_t> class_of(const std::string& ref) = 0;

  // Waits until an object of `classes` (or "class/reference") has changed since the token was
  // made, at most for the time given, and moves the token on. An empty token returns at once with
  // one for the present moment. Changes between two calls are never missed.
  virtual void wait_for_change(const std::vector<std::string>& classes, std::string& token,
                               std::chrono::milliseconds timeout) = 0;

  // The calls of another session, as VDI.open_database makes one; it is not logged out.
  virtual std::unique_ptr<Api> with_session(const std::string& ref) = 0;
};

struct Login {
  std::string user;
  std::string password;
  bool local = false;  // session.slave_local_login_with_password
};

// Where sessions come from; knows who is at the other end of the connection.
class Door {
 public:
  virtual ~Door() = default;
  // SESSION_AUTHENTICATION_FAILED for a wrong name or password.
  virtual std::unique_ptr<Api> log_in(const Login& login) = 0;
  virtual std::unique_ptr<Api> use_session(const std::string& ref) = 0;
};

// The client. A Failure CLI_CONNECTION_LOST ends the command when it has gone.
class Terminal {
 public:
  virtual ~Terminal() = default;

  virtual void print(std::string_view text) = 0;  // the client adds a newline
  virtual void print_stderr(std::string_view text) = 0;
  virtual void error(const std::string& code, const std::vector<std::string>& params) = 0;
  virtual void exit(int status) = 0;

  // The content of a file; nullopt when the client could not read it. More than 32 MiB is a
  // Failure.
  virtual std::optional<std::string> load(const std::string& filename) = 0;
  // One line typed by the user.
  virtual std::string prompt() = 0;

  // Transfers by the client; true when it says that all went well.
  virtual bool http_get(const std::string& filename, const std::string& url) = 0;
  virtual bool http_put(const std::string& filename, const std::string& url) = 0;
  virtual bool http_connect(const std::string& url) = 0;

  // False once the client has gone; for commands that may wait for ever.
  virtual bool connected() = 0;

  // The user sees standard error on a terminal, where a line can be redrawn.
  virtual bool draws_progress() const = 0;
};

// Runs one command line (without the leading "xe") to its end; the exit status has been sent.
int run_command_line(std::vector<std::string> words, Door& door, Terminal& terminal);

}  // namespace xcp::cli
