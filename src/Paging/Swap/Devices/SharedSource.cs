using System.Diagnostics;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap.Devices;

/// <summary>A file that several arrays are mapped from: it is closed when the last of its users has left.</summary>
/// <param name="file">The file, with one user: the caller.</param>
internal sealed class SharedSource(SourceFile file)
{
    /// <summary>n → n + 1 by who is a user or holds one; n → n − 1 by who leaves. 0 is final: the file is closed by who has come to
    /// it.</summary>
    private int _users = 1;

    private static long s_last;

    internal SourceFile File => file;

    /// <summary>A number that no other has, to sort by.</summary>
    internal long Number { get; } = Interlocked.Increment(ref s_last);

    /// <summary>Adds a user, unless all have left. Races with other users that come or leave.</summary>
    internal bool TryAddUser()
    {
        int users = Shared.Read(SharedWord.Counter, ref _users);
        while (users != 0)
        {
            int found = Shared.CompareExchange(SharedWord.Counter, ref _users, users + 1, users);
            if (found == users)
            {
                return true;
            }

            users = found;
        }

        return false;
    }

    /// <summary>A user leaves, once. The last one closes the file, and waits for what is being read.</summary>
    internal void RemoveUser()
    {
        int left = Shared.Decrement(SharedWord.Counter, ref _users);
        Debug.Assert(left >= 0, "a user leaves once");
        if (left == 0)
        {
            file.Dispose();
        }
    }
}
