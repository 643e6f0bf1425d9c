# Custom action commit code of the scrip "Tell Ellipro" (docs/help-desk.md). Fill in the two lines, nothing else.
my $url = 'https://activation.example/hooks/tickets';
my $secret = 'the value of TICKETS_WEBHOOK_SECRET';

require Digest::SHA;
require JSON;
require LWP::UserAgent;
my $ticket = $self->TicketObj;
my @changes = map { $_->id + 0 } @{ $ticket->TransactionBatch || [] };
my $body = JSON->new->utf8->canonical->encode({ at => time, ticket => $ticket->id + 0, transactions => \@changes });
my $answer = LWP::UserAgent->new(timeout => 3, max_redirect => 0)->post(
  $url,
  'Content-Type' => 'application/json',
  'X-RT-Signature' => 'sha256=' . Digest::SHA::hmac_sha256_hex($body, $secret),
  Content => $body,
);
RT->Logger->warning('Ellipro was not told: ' . $answer->status_line) unless $answer->is_success;
return 1;
