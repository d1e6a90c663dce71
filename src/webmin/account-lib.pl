# The Webmin user with which the app calls Virtualmin's remote API: it has Virtualmin only, from this machine only.
use strict;
use warnings;
use File::Basename qw(dirname);

require(dirname(__FILE__) . '/virtualmin-mail-setup-lib.pl');
require(dirname(__FILE__) . '/facts-lib.pl');

our ($config_directory, $module_config_directory);

# The name of that user.
our $api_user = 'mail-setup-api';

# Seconds that the panel gets to load a new account. Tests set 0.
our $settle_seconds = 2;

# set_up_account() Creates the account or repairs it, and writes its password and name for the service.
sub set_up_account {
    mkdir($module_config_directory, 0700) if !-d $module_config_directory;
    my ($address, $url) = api_address();
    my $password = read_first_line("$module_config_directory/api-password");
    my $account  = find_account();
    die text('setup_not_ours', $api_user) . "\n" if $account && !defined($password);
    my $valid = $account && is_limited($account, $address) && crypt($password, $account->{'pass'}) eq $account->{'pass'};
    write_account($account, $address) if !$valid;
    limit_rpc();
    if (!$valid) {
        reload_miniserv();
        sleep($settle_seconds);
    }
    chmod(0700, $module_config_directory);
    write_if_changed("$module_config_directory/service", "VIRTUALMIN_URL=$url\nVIRTUALMIN_USER=$api_user\n", 0600);
}

# write_account(&account, address) Creates the account, or changes the one there is, with a new password and for this address
# only. Dies if Webmin gives it any other access.
sub write_account {
    my ($old, $address) = @_;
    my $password = random_hex(24);
    # The password first: set-up does not touch an account whose password it does not have.
    write_secret("$module_config_directory/api-password", $password);
    my %account = (
        %{ $old || {} },
        'name'    => $api_user,
        'pass'    => acl::encrypt_password($password),
        'modules' => ['virtual-server'],
        'allow'   => $address,
    );
    delete($account{'deny'});
    if ($old) { acl::modify_user($api_user, \%account) }
    else { acl::create_user(\%account) }
    my $written = find_account();
    return if $written && is_limited($written, $address);
    acl::delete_user($api_user) if $written;
    die text('setup_not_limited', $api_user) . "\n";
}

# remove_account() Deletes the account. One whose password set-up does not have is somebody else's, and stays.
sub remove_account {
    return if !-e "$module_config_directory/api-password" || !find_account();
    acl::delete_user($api_user);
    reload_miniserv();
}

# api_address() Returns the panel's local address and the URL of its API there. Dies if the password would cross a network
# without TLS.
sub api_address {
    my %server  = read_values("$config_directory/miniserv.conf");
    my $port    = $server{'port'} || 10000;
    my $address = local_address(%server);
    die text('setup_plain', $address) . "\n" if !$server{'ssl'} && $address !~ /^127\.|^::1$/;
    my $host = $address =~ /:/ ? "[$address]" : $address;
    return ($address, ($server{'ssl'} ? 'https' : 'http') . "://$host:$port");
}

# find_account() Returns the account as Webmin has it, a hash reference; nothing if there is none.
sub find_account {
    my ($account) = grep { $_->{'name'} eq $api_user } webmin_users();
    return $account;
}

# webmin_users() Returns Webmin's users as they are now, a list of hash references. Webmin's read_acl() caches the modules of
# users for the life of the process; without emptying the cache, a user created since would have none.
sub webmin_users {
    no warnings 'once';
    %main::acl_hash_cache = %main::acl_array_cache = ();
    foreign_require('acl', 'acl-lib.pl');
    return acl::list_users();
}

# is_limited(&account, address) Returns whether an account has only Virtualmin, and only from this address.
sub is_limited {
    my ($account, $address) = @_;
    return join(' ', @{ $account->{'modules'} || [] }) eq 'virtual-server' && ($account->{'allow'} // '') eq $address;
}

# limit_rpc() Limits the account to API calls if this Virtualmin accepts calls from an account with that limit. Older ones
# refuse such an account.
sub limit_rpc {
    my $cgi = read_whole(module_root_directory('virtual-server') . '/remote.cgi');
    return if $cgi !~ /\$main::allow_rpc_only\s*=\s*1/;
    my %access = get_module_acl($api_user, '');
    save_module_acl({ %access, 'rpc' => 3 }, $api_user, '') if ($access{'rpc'} // '') ne '3';
}

1;
