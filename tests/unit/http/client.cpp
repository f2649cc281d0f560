// SPDX-License-Identifier: GPL-2.0-or-later
// See client.hpp.
#include "client.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "base/failure.hpp"
#include "xapi/http/certificate.hpp"

namespace xcp::http {

namespace {

constexpr int patience_seconds = 20;

void limit_patience(int fd) {
  const timeval patience{patience_seconds, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

[[noreturn]] void out_of_patience() {
  throw std::runtime_error("the server keeps silent");
}

// OpenSSL writes without MSG_NOSIGNAL.
const bool no_sigpipe = [] {
  std::signal(SIGPIPE, SIG_IGN);
  return true;
}();

}  // namespace

std::string to_string(Transport transport) {
  switch (transport) {
    case Transport::Tcp:
      return "Tcp";
    case Transport::Tls:
      return "Tls";
    case Transport::Unix:
      return "Unix";
  }
  return "";
}

struct Client::Tls {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL* ssl = nullptr;
  ~Tls() {
    SSL_free(ssl);
    SSL_CTX_free(context);
  }
};

Client::Client(UniqueFd fd) : fd_(std::move(fd)) {
  limit_patience(fd_.get());
}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

int Client::fd() const {
  return fd_.get();
}

Client Client::tcp(std::uint16_t port, int receive_buffer_bytes) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (receive_buffer_bytes != 0)
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
               sizeof(receive_buffer_bytes));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
    throw system_failure("connect", errno);
  return Client(std::move(fd));
}

Client Client::unix_socket(const std::string& path) {
  auto fd = connect_unix(path);
  if (!fd) throw internal_error("nobody listens on " + path);
  return Client(std::move(*fd));
}

void Client::start_tls(const char* suites) {
  tls_ = std::make_unique<Tls>();
  if (suites != nullptr) {
    SSL_CTX_set_max_proto_version(tls_->context, TLS1_2_VERSION);
    if (SSL_CTX_set_cipher_list(tls_->context, suites) != 1) throw internal_error("suites");
  }
  tls_->ssl = SSL_new(tls_->context);
  SSL_set_fd(tls_->ssl, fd_.get());
  if (SSL_connect(tls_->ssl) != 1) {
    ERR_clear_error();
    throw internal_error("TLS handshake");
  }
}

std::string Client::tls_suite() const {
  return SSL_get_cipher_name(tls_->ssl);
}

std::string Client::peer_certificate_sha256() const {
  X509* certificate = SSL_get1_peer_certificate(tls_->ssl);
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  X509_digest(certificate, EVP_sha256(), bytes, &size);
  X509_free(certificate);
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    char two[4];
    snprintf(two, sizeof(two), i == 0 ? "%02X" : ":%02X", bytes[i]);
    text += two;
  }
  return text;
}

bool Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    std::size_t sent = 0;
    if (tls_) {
      ERR_clear_error();
      if (SSL_write_ex(tls_->ssl, bytes.data(), bytes.size(), &sent) != 1) return false;
    } else {
      const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) out_of_patience();
      if (n < 0) return false;
      sent = static_cast<std::size_t>(n);
    }
    bytes.remove_prefix(sent);
  }
  return true;
}

std::size_t Client::fill() {
  const std::string piece(1 << 14, 'p');
  const int flags = fcntl(fd_.get(), F_GETFL);
  fcntl(fd_.get(), F_SETFL, flags | O_NONBLOCK);
  std::size_t total = 0;
  pollfd item{fd_.get(), POLLOUT, 0};
  // Full when the server takes nothing for a while.
  while (poll(&item, 1, 300) > 0) {
    if (tls_) {
      std::size_t sent = 0;
      ERR_clear_error();
      if (SSL_write_ex(tls_->ssl, piece.data(), piece.size(), &sent) == 1) total += sent;
    } else {
      const ssize_t n = ::send(fd_.get(), piece.data(), piece.size(), MSG_NOSIGNAL);
      if (n > 0) total += static_cast<std::size_t>(n);
    }
  }
  fcntl(fd_.get(), F_SETFL, flags);
  return total;
}

std::optional<std::string> Client::receive(std::size_t size) {
  if (!buffered_.empty()) {
    std::string piece = buffered_.substr(0, size);
    buffered_.erase(0, piece.size());
    return piece;
  }
  size = std::min<std::size_t>(size, 65536);
  std::string buffer(size, '\0');
  if (tls_) {
    ERR_clear_error();
    errno = 0;
    std::size_t got = 0;
    if (SSL_read_ex(tls_->ssl, buffer.data(), size, &got) == 1) {
      buffer.resize(got);
      return buffer;
    }
    const int error = SSL_get_error(tls_->ssl, 0);
    if (error == SSL_ERROR_ZERO_RETURN) return "";
    if (error == SSL_ERROR_WANT_READ) out_of_patience();
    ERR_clear_error();
    return std::nullopt;  // also an end without close_notify: the server must say goodbye
  }
  const ssize_t n = recv(fd_.get(), buffer.data(), size, 0);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) out_of_patience();
  if (n < 0) return std::nullopt;
  buffer.resize(static_cast<std::size_t>(n));
  return buffer;
}

std::string Client::receive_exactly(std::size_t size) {
  std::string all;
  while (all.size() < size) {
    const auto piece = receive(size - all.size());
    if (!piece || piece->empty()) break;
    all += *piece;
  }
  return all;
}

std::string Client::receive_all() {
  std::string all;
  for (;;) {
    const auto piece = receive();
    if (!piece) throw std::runtime_error("the connection was reset");
    if (piece->empty()) return all;
    all += *piece;
  }
}

Reply Client::reply(bool head) {
  std::string text;
  std::size_t end;
  while ((end = text.find("\r\n\r\n")) == std::string::npos) {
    const auto piece = receive();
    if (!piece || piece->empty()) return {};
    text += *piece;
  }
  Reply reply;
  reply.status = static_cast<unsigned>(std::stoul(text.substr(9, 3)));
  std::size_t line = text.find("\r\n") + 2;
  while (line < end) {
    const std::size_t next = text.find("\r\n", line);
    const std::size_t colon = text.find(": ", line);
    reply.headers.emplace_back(text.substr(line, colon - line),
                               text.substr(colon + 2, next - colon - 2));
    line = next + 2;
  }
  buffered_ = text.substr(end + 4) + buffered_;
  const std::string length = reply.header("Content-Length");
  if (!head && !length.empty()) reply.body = receive_exactly(std::stoul(length));
  return reply;
}

Reply Client::get(std::string_view target) {
  send("GET " + std::string(target) + " HTTP/1.1\r\nHost: test\r\n\r\n");
  return reply();
}

void Client::finish_sending() {
  if (tls_) SSL_shutdown(tls_->ssl);
  shutdown(fd_.get(), SHUT_WR);
}

void Client::close() {
  fd_.reset();
}

void Client::abort() {
  const linger at_once{1, 0};
  setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  fd_.reset();
}

TestServer::TestServer(Handler handler, Settings settings, BodyPolicy policy)
    : directory_(temporary_directory()) {
  if (!policy) policy = [](const Request&) { return BodyDecision{}; };
  server_ = std::make_unique<Server>(settings, std::move(policy), std::move(handler));
  // One key for all tests of a run: making them is slow under the sanitizers.
  static const std::string pem = [] {
    const std::string directory = temporary_directory();
    ensure_certificate(directory + "/server.pem", {"localhost", "127.0.0.1", "::1"});
    std::string content = *read_file(directory + "/server.pem");
    remove_directory(directory);
    return content;
  }();
  write_file_durably(certificate_path(), pem, 0600);
  server_->set_certificate(certificate_path());
  server_->listen_unix(socket_path(), 0600);
  plain_port_ = server_->listen_tcp("127.0.0.1", 0, false);
  tls_port_ = server_->listen_tcp("127.0.0.1", 0, true);
  server_->start();
}

TestServer::~TestServer() {
  server_.reset();
  remove_directory(directory_);
}

Client TestServer::connect(Transport transport) const {
  switch (transport) {
    case Transport::Tcp:
      return Client::tcp(plain_port_);
    case Transport::Unix:
      return Client::unix_socket(socket_path());
    case Transport::Tls:
      break;
  }
  Client client = Client::tcp(tls_port_);
  client.start_tls();
  return client;
}

void echo(const std::shared_ptr<Exchange>& exchange) {
  const Request& request = exchange->request();
  Response response;
  response.headers.emplace_back("Content-Type", "text/plain");
  response.append(request.method + " " + request.path + "\n");
  response.append(request.body);
  exchange->reply(std::move(response));
}

bool eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(patience_seconds);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

std::string pattern(std::size_t size, std::uint64_t seed) {
  std::string bytes(size, '\0');
  std::uint64_t state = seed * 0x9E3779B97F4A7C15ull + 1;
  for (char& byte : bytes) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    byte = static_cast<char>(state >> 56);
  }
  return bytes;
}

std::string temporary_directory() {
  std::string path = "/tmp/xcp-http-test-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) throw system_failure("mkdtemp", errno);
  return path;
}

void remove_directory(const std::string& path) {
  std::filesystem::remove_all(path);
}

}  // namespace xcp::http
