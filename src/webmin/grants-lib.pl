# Which Webmin users have the module: domain owners, their extra admins, and resellers.
use strict;
use warnings;
use File::Basename qw(dirname);

require(dirname(__FILE__) . '/account-lib.pl');
require(dirname(__FILE__) . '/plugin-lib.pl');

our (%gconfig, $module_name, $config_directory, $module_config_directory);

# grant_module() Gives the module to everybody who manages mailboxes and does not have it: owners of domains with mail, their
# extra admins, and resellers. If an administrator has refused it, in a template or for a domain, nothing changes. Later
# Virtualmin itself gives it to owners and extra admins, whenever it saves one. Returns how many users have it, and how many
# domains are refused it.
sub grant_module {
    load_virtualmin();
    allow_in_templates();
    my ($users, $resellers, $refused) = entitled_users();
    my @missing = without_grant(@$users, @$resellers);
    if (@missing) {
        my %missing = map { $_ => 1 } @missing;
        change_modules(sub { ((grep { $_ ne $module_name } @_), $module_name) }, @missing);
        # The access that feature_webmin() gives; permissions that a master admin has taken from a user stay taken.
        for my $name (@missing) {
            my %access = get_module_acl($name, $module_name);
            save_module_acl({ %access, 'noconfig' => 1 }, $name, $module_name);
        }
        write_secret("$module_config_directory/resellers",
            join('', map { "$_\n" } granted_resellers(), grep { $missing{$_} } @$resellers));
        reload_miniserv();
        virtual_server::clear_links_cache();
    }
    my @still = without_grant(@$users, @$resellers);
    die text('setup_not_granted', join(', ', @still > 5 ? (@still[0 .. 4], '...') : @still)) . "\n" if @still;
    return (@$users + @$resellers, scalar(@$refused));
}

# withdraw_module() Takes the module from everybody who got it through Virtualmin or from set-up.
sub withdraw_module {
    virtual_server::clear_links_cache();
    # Not from a master admin, who has it from Webmin.
    my %resellers = map { $_ => 1 } granted_resellers();
    my @users = grep { has_module($_, $module_name) && ($resellers{ $_->{'name'} } || ($_->{'readonly'} // '') eq 'virtual-server') } webmin_users();
    change_modules(sub { grep { $_ ne $module_name } @_ }, map { $_->{'name'} } @users) if @users;
}

# entitled_users() Returns who is to have the module, as array references: the names of Webmin users with a domain, the names
# of resellers, and the names of the domains that are refused it.
sub entitled_users {
    my (%has_mail, @top_level);
    for my $d (virtual_server::list_domains()) {
        next if $d->{'alias'};
        push(@top_level, $d) if !$d->{'parent'};
        $has_mail{ $d->{'parent'} || $d->{'id'} } = 1 if $d->{'mail'};
    }
    my (@users, @refused);
    for my $d (grep { $_->{'webmin'} && $has_mail{ $_->{'id'} } } @top_level) {
        if (!allow_for_domain($d)) {
            push(@refused, $d->{'dom'});
            next;
        }
        # Virtualmin gives an extra admin the modules of features only if the owner has chosen that.
        push(@users, $d->{'user'}, map { $_->{'features'} ? $_->{'name'} : () } virtual_server::list_extra_admins($d));
    }
    # A reseller who got the module once and no longer has it was refused it by an administrator.
    my %granted = map { $_ => 1 } granted_resellers();
    my @resellers = grep { !$granted{ $_->{'name'} } || has_module($_, $module_name) } resellers();
    return (\@users, [ map { $_->{'name'} } @resellers ], \@refused);
}

# resellers() Returns the Webmin users who are resellers in Virtualmin, as hash references.
sub resellers {
    my @resellers;
    for my $user (grep { has_module($_, 'virtual-server') } webmin_users()) {
        my %access = get_module_acl($user->{'name'}, 'virtual-server');
        push(@resellers, $user) if $access{'reseller'};
    }
    return @resellers;
}

# granted_resellers() Returns the names of the resellers whom set-up has given the module.
sub granted_resellers {
    my $path = "$module_config_directory/resellers";
    return -e $path ? split(/\n/, read_whole($path)) : ();
}

# without_grant(names) Returns the names of those of these Webmin users who do not have the module. A user who does not exist
# is left out.
sub without_grant {
    my %named = map { $_ => 1 } @_;
    return map { $_->{'name'} } grep { $named{ $_->{'name'} } && !has_module($_, $module_name) } webmin_users();
}

# has_module(&user, module) Returns whether a Webmin user has a module.
sub has_module {
    my ($user, $module) = @_;
    return scalar(grep { $_ eq $module } @{ $user->{'modules'} || [] });
}

# change_modules(change, names) Passes the modules of each of these Webmin users, a list, to a function, and writes what it
# returns, for all users at once: Virtualmin needs half a second to save an owner, and Webmin's modify_user() writes three
# files for each user.
sub change_modules {
    my ($change, @names) = @_;
    my %named = map { $_ => 1 } @names;
    # Users whom Webmin keeps in a database.
    for my $user (grep { $named{ $_->{'name'} } && $_->{'proto'} } webmin_users()) {
        delete($named{ $user->{'name'} });
        acl::modify_user($user->{'name'}, { %$user, map { $_ => [ $change->(@{ $user->{$_} || [] }) ] } qw(modules ownmods) });
    }
    change_acl_file(acl_filename(), $change, %named);
    change_own_modules($change, keys %named);
}

# change_acl_file(path, change, %named) Changes the modules of the named users in a webmin.acl.
sub change_acl_file {
    my ($path, $change, %named) = @_;
    lock_file($path);
    my @lines = map { /^([^:]+):\s*(.*)/ && $named{$1} ? "$1: " . join(' ', $change->(split(' ', $2))) . "\n" : $_ } split(/^/, read_whole($path));
    write_file_contents($path, join('', @lines));
    unlock_file($path);
}

# change_own_modules(change, names) Changes the modules that users have besides those of their group, in Webmin's
# configuration.
sub change_own_modules {
    my ($change, @names) = @_;
    my $path = "$config_directory/config";
    lock_file($path);
    foreign_require('acl', 'acl-lib.pl');
    read_file($path, \my %values);
    for my $key (map { "ownmods_$_" } @names) {
        next if !defined($values{$key});
        # Also in memory: Webmin's acl functions write the whole file from there.
        no warnings 'once';
        $acl::gconfig{$key} = $gconfig{$key} = $values{$key} = join(' ', $change->(split(' ', $values{$key})));
    }
    write_file($path, \%values);
    unlock_file($path);
}

1;
