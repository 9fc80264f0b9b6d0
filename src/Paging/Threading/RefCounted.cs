using System.Diagnostics;
using Paging.TestSeam;

namespace Paging.Threading;

/// <summary>What several users have at the same time, and is closed when the last of them has left.</summary>
/// <remarks>
/// <code>
///   1 … n users → 0, which is final
/// </code>
/// Who makes it is its first user. Only this file changes the word. Users come and leave at any time, on any thread.
/// </remarks>
internal abstract partial class RefCounted
{
    private int _users = 1;

    /// <summary>n → n + 1 (n > 0): adds a user, unless all have left.</summary>
    internal bool TryAddUser()
    {
        int users = Shared.Read(SharedWord.Counter, ref _users);
        while (!IsClosed(users))
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

    /// <summary>n → n − 1: a user leaves, once. The last one closes it.</summary>
    internal void RemoveUser()
    {
        int left = Shared.Decrement(SharedWord.Counter, ref _users);
        Debug.Assert(left >= 0, "a user leaves once");
        if (left == 0)
        {
            Close();
        }
    }

    /// <summary>Called once, by the last user that leaves.</summary>
    protected abstract void Close();
}
