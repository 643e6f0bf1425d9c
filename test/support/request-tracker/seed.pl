# What a fresh Request Tracker of the tests holds, for `rt-setup-database --action insert`. Run by server.ts, which sets the
# environment. Queues and their key fields are made by the test files themselves, one each.
use strict;
use warnings;

# Everything that docs/help-desk.md gives to the technical account, here on every queue.
my @work = qw(SeeQueue CreateTicket ShowTicket ShowTicketComments CommentOnTicket ModifyTicket SeeCustomField ModifyCustomField);
my @handle = (@work, qw(ReplyToTicket OwnTicket TakeTicket StealTicket ReassignTicket DeleteTicket WatchAsAdminCc));
my %rights = (
  adapter      => \@work,
  'adapter-fr' => \@work,                                       # has a language
  newcomer     => [],                                           # sees nothing
  reader       => [qw(SeeQueue ShowTicket SeeCustomField)],     # may do nothing
  'half-blind' => [grep { $_ !~ /CustomField/ } @work],         # does not see the key field
  sightless    => [grep { $_ ne 'ShowTicket' } @work],          # does not see what it makes
  markless     => [grep { $_ ne 'ModifyCustomField' } @work],   # may not write the key
  agent1       => \@handle,
  agent2       => \@handle,
);

our @Users = map {
  { Name => $_, EmailAddress => "$_\@desk.example", RealName => ucfirst, Privileged => 1, Password => $ENV{RT_TEST_PASSWORD},
    ($_ eq 'adapter-fr' ? (Lang => 'fr') : ()) }
} sort keys %rights;

our @ACL = map { my $user = $_; map { { Right => $_, UserId => $user } } @{ $rights{$user} } } sort keys %rights;

# The scrip that docs/help-desk.md tells operators to make. The tests write "URL SECRET" into a file to switch it on.
my $webhook = do { local (@ARGV, $/) = $ENV{RT_TEST_WEBHOOK_CODE}; <> };
our @Scrips = ({
  Queue => 0, Description => 'Tell Ellipro', ScripCondition => 'User Defined', ScripAction => 'User Defined',
  Template => 'Blank', Stage => 'TransactionBatch', CustomIsApplicableCode => 'return 1;', CustomPrepareCode => 'return 1;',
  CustomCommitCode => qq{
    open(my \$test, '<', '$ENV{RT_TEST_WEBHOOK_FILE}') or return 1;
    my (\$test_url, \$test_secret) = split ' ', (scalar(<\$test>) // '');
    return 1 unless \$test_url;
  } . ($webhook =~ s/^my \$url = .*;$/my \$url = \$test_url;/mr =~ s/^my \$secret = .*;$/my \$secret = \$test_secret;/mr),
});

# API tokens: the only moment at which they can be read.
our @Final = (sub {
  open(my $file, '>', $ENV{RT_TEST_TOKENS}) or die "$ENV{RT_TEST_TOKENS}: $!";
  for my $name ('root', sort keys %rights) {
    my $user = RT::User->new(RT->SystemUser);
    $user->Load($name);
    my ($ok, $message, $token) = RT::AuthToken->new(RT->SystemUser)->Create(Owner => $user->Id, Description => 'tests');
    die "no token for $name: $message" unless $ok;
    print $file "$name $token\n";
  }
});
1;
