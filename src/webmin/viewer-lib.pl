# The viewer: the logged-in user of the panel, with their role, their domains and the token of their forms.
use strict;
use warnings;
use Digest::SHA ();
use File::Basename qw(dirname);
use List::Util qw(first);

require(dirname(__FILE__) . '/virtualmin-mail-setup-lib.pl');
require(dirname(__FILE__) . '/system-lib.pl');

our ($module_name, $module_config_directory, $remote_user, $current_lang);

# The roles, in the order of their tests: a user has the first whose function returns true. The app's list of roles is in
# src/domain/viewer.ts.
our @roles = (
    # The same test as Virtualmin's master_admin(), without its library.
    [ 'master-admin', sub { my ($access) = @_; return !$access->{'noconfig'} } ],
    [ 'reseller',     sub { return virtual_server::reseller_admin() } ],
    [ 'extra-admin',  sub { return virtual_server::extra_admin() } ],
    [ 'domain-owner', sub { return 1 } ],
);

# viewer() Returns the viewer in the form that the app reads: a hash reference.
sub viewer {
    my $module = module_address();
    my %viewer = (
        'user'   => $remote_user,
        'pages'  => "$module/index.cgi",
        'assets' => "$module/assets",
        'help'   => get_webprefix() . "/help.cgi/$module_name",
        'may'    => [ granted_permissions() ],
        'token'  => form_token(),
        'language' => $current_lang // '',
    );
    # get_module_acl() would return a master admin's access for a user who does not have Virtualmin.
    return { %viewer, 'role' => 'domain-owner', 'domains' => [] } if !foreign_available('virtual-server');
    my %access = get_module_acl(undef, 'virtual-server');
    # Not for a master admin: it takes longer to load than all the rest.
    foreign_require('virtual-server', 'virtual-server-lib.pl') if $access{'noconfig'};
    my $role = (first { $_->[1]->(\%access) } @roles)->[0];
    return { %viewer, 'role' => $role, 'domains' => '*' } if $role eq 'master-admin';
    my @domains = grep { virtual_server::can_edit_domain($_) && virtual_server::can_edit_users($_) } candidate_domains(\%access);
    return { %viewer, 'role' => $role, 'domains' => [ map { $_->{'dom'} } @domains ] };
}

# candidate_domains(&access) Returns the domains that a user with this access to Virtualmin might manage, as hash references
# with what can_edit_domain() and viewer() need. With thousands of domains, reading a file for each would take too long.
sub candidate_domains {
    my ($access) = @_;
    return mapped_domains() if $access->{'reseller'};
    return virtual_server::list_domains() if ($access->{'domains'} // '') !~ /^[\d ]*$/;
    return grep { defined } map { virtual_server::get_domain($_) } split(' ', $access->{'domains'});
}

# mapped_domains() Returns the id, dom, parent and reseller of every domain, from the map files in which Virtualmin finds
# domains by these values (get_domain_by). Returns list_domains() if there are no map files.
sub mapped_domains {
    no warnings 'once';
    my %domains;
    for my $key (qw(dom parent reseller)) {
        my %ids;
        read_file($virtual_server::get_domain_by_maps{$key}, \%ids) or return virtual_server::list_domains();
        for my $value (keys %ids) { $domains{$_}->{$key} = $value for split(' ', $ids{$value}) }
    }
    return map { +{ %{ $domains{$_} }, 'id' => $_ } } grep { defined($domains{$_}->{'dom'}) } keys %domains;
}

# form_token() Returns the token that each form has to send back. It differs for each login and cannot be guessed.
sub form_token {
    no warnings 'once';
    # init_config() moves the session's id there from the environment.
    return Digest::SHA::hmac_sha256_hex(join("\n", $remote_user, $main::session_id // ''), form_secret());
}

# form_secret() Returns the key of the form tokens; creates it if there is none.
sub form_secret {
    my $path = "$module_config_directory/form-secret";
    my $secret = read_first_line($path);
    return $secret if defined($secret) && length($secret) == 64;
    $secret = random_hex(32);
    write_secret($path, $secret);
    return $secret;
}

1;
